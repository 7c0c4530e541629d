import { expect } from 'chai';
import { z } from 'zod';
import {
  defineOperator,
  defineSink,
  defineSource,
  from,
  MillraceError,
  pipeline,
  type PipelineError,
  Schema,
  to,
} from '../../../lib/index.ts';

interface Row {
  readonly id: number;
}
const none = z.strictObject({});
const schema = new Schema([{ name: 'id', type: { kind: 'int8' }, nullable: false }]);
const fail = (): never => {
  throw new MillraceError('NOT_FOUND', 'there is nothing');
};
const source = () => from.memory<Row>([{ id: 1 }], schema);

const failures: Record<string, () => Promise<unknown>> = {
  'source that cannot describe itself': () =>
    pipeline(defineSource<typeof none>({ kind: 'bad', options: none, describe: fail, read: fail }).create<Row>({}, undefined), to.null()),
  'source that cannot be read': () =>
    pipeline(defineSource<typeof none>({ kind: 'bad', options: none, read: fail }).create<Row>({}, undefined), to.null()),
  'operator that cannot take the columns': () =>
    pipeline(
      source(),
      defineOperator<typeof none>({ kind: 'bad', options: none, row: () => row => row, schema: fail }).create<Row, Row>({}, undefined),
      to.null(),
    ),
  'operator that cannot be opened': () =>
    pipeline(source(), defineOperator<typeof none>({ kind: 'bad', options: none, batch: fail }).create<Row, Row>({}, undefined), to.null()),
  'operator of streams that cannot be opened': () =>
    pipeline(
      source(),
      defineOperator<typeof none>({ kind: 'bad', options: none, stream: fail }).create<Row, Row>({}, undefined),
      to.null(),
    ),
  'sink that cannot be opened': () =>
    pipeline(source(), defineSink<typeof none>({ kind: 'bad', options: none, open: fail }).create<Row>({}, undefined)),
  'sink that is opened late': () =>
    pipeline(
      from.records<Row>([{ id: 1 }]),
      defineSink<typeof none>({ kind: 'bad', options: none, open: fail }).create<Row>({}, undefined),
    ),
};

describe('an error names its stage:', () => {
  for (const [what, run] of Object.entries(failures)) {
    it(what, async () => {
      const error = await run().then(
        () => expect.fail('the run went well'),
        (reason: unknown) => reason as PipelineError,
      );
      expect(error).to.include({ name: 'PipelineError', code: 'NOT_FOUND', stage: 'bad' });
      expect(error.report.error).to.include({ code: 'NOT_FOUND', stage: 'bad' });
    });
  }
});
