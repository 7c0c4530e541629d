// Kinds of later issues, in the form that they will have: the types of pipelines must already carry them.
import type { Sink, Source, to as built } from '../../lib/index.ts';

interface Elasticsearch<Row> {
  node: string;
  index: string;
  id?: (keyof Row & string) | ((row: Row) => string);
}

export declare const to: typeof built & { elasticsearch: <Row>(options: Elasticsearch<Row>) => Sink<Row> };
export declare function tee<A>(...sinks: Sink<A>[]): Sink<A>;
export declare function merge<A>(...sources: Source<A>[]): Source<A>;
