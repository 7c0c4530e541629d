/**
 * Conformance suites for sources, operators and sinks: what every kind of Millrace passes, and what users run on their own kinds. A suite is a
 * list of cases; give them to any test runner: `for (const { name, run } of sourceCases({ … })) it(name, run);`
 */
export type { Case } from './case.ts';
export { operatorCases, type OperatorSubject } from './operator-cases.ts';
export { sinkCases, type SinkSubject } from './sink-cases.ts';
export { sourceCases, type SourceSubject } from './source-cases.ts';
