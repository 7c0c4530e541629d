import { expect } from 'chai';
import * as v from 'valibot';
import { z } from 'zod';
import { RecordBatch } from '../../lib/core/batch/batch.ts';
import type { AnyBatch, OperatorContext } from '../../lib/core/define.ts';
import { type DeadLetter, from, pipeline, Schema, to } from '../../lib/index.ts';
import { operatorCases } from '../../lib/testing/index.ts';
import { validate, validateKind } from '../../operators/validate.ts';

interface User {
  readonly id: number;
  readonly name: string;
}
const users: User[] = Array.from({ length: 12 }, (_, id) => ({ id, name: id % 5 === 0 ? 'x' : `name ${id}` }));
const schema = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: false },
  { name: 'name', type: { kind: 'text' }, nullable: true },
]);
const UserSchema = z.object({ id: z.number(), name: z.string().min(2) });
const Trimmed = z.object({ id: z.number(), name: z.string().transform(name => name.toUpperCase()) });
const Late = z.object({ id: z.number(), name: z.string().refine(name => Promise.resolve(name.length > 1)) });

describe('validate', () => {
  const kept = users.filter(({ name }) => name.length > 1);
  const subjects = {
    'that keeps records as they are': operatorCases({
      open: () => validate(UserSchema),
      input: users,
      schema,
      expected: kept,
      rejected: 3,
    }),
    'that changes records': operatorCases({
      open: () => validate(Trimmed),
      input: users,
      schema,
      expected: users.map(({ id, name }) => ({ id, name: name.toUpperCase() })),
    }),
    'that waits': operatorCases({ open: () => validate(Late), input: users, schema, expected: kept, rejected: 3 }),
  };
  for (const [name, cases] of Object.entries(subjects)) {
    describe(name, () => {
      for (const { name: title, run } of cases) it(title, run);
    });
  }

  it('tells path and rule of what does not fit, and never a value', async () => {
    const Deep = z.strictObject({ id: z.number(), name: z.string().min(2), tags: z.array(z.object({ x: z.email() })) });
    const letters: DeadLetter[] = [];
    const rows: unknown[] = [];
    const dirty = [
      { id: 'secret', name: 's', tags: [{ x: 'secret' }] },
      { id: 1, name: 'ok', tags: [], secret: 1 },
      { id: 2, name: 'fine', tags: [{ x: 'a@b.no' }] },
    ];
    await pipeline(from.records(dirty), validate(Deep), to.memory(rows), { deadLetter: to.memory(letters) });
    expect(rows).to.deep.equal([dirty[2]]);
    expect(letters.map(({ code, reason }) => `${code} ${reason}`)).to.deep.equal([
      'VALIDATION_FAILED id: invalid_type, expected number; name: too_small, minimum 2; tags[0].x: invalid_format, format email',
      'VALIDATION_FAILED unrecognized_keys, 1 unknown fields',
    ]);
  });

  it('takes any Standard Schema, and its own messages when told to', async () => {
    const Valibot = v.object({ id: v.number(), name: v.string() });
    for (const messages of [false, true]) {
      const letters: DeadLetter[] = [];
      const rows: unknown[] = [];
      await pipeline(
        from.records<{ id: unknown; name: unknown }>([
          { id: 1, name: 'a' },
          { id: 'secret', name: 'b' },
        ]),
        validate(Valibot, { messages }),
        to.memory(rows),
        { deadLetter: to.memory(letters) },
      );
      expect(rows).to.deep.equal([{ id: 1, name: 'a' }]);
      expect(letters.map(({ reason }) => reason)).to.deep.equal([
        messages ? 'id: Invalid type: Expected number but received "secret"' : 'id: number, expected number',
      ]);
    }
  });

  it('leaves a batch as it is when all its records come out as they went in', () => {
    const batch = RecordBatch.of(users as object[], schema) as AnyBatch;
    const meta = RecordBatch.of([{ id: 1, meta: { a: [1, { b: Number.NaN }] } }]) as AnyBatch;
    expect(apply(z.object({ id: z.number(), name: z.string() }), batch)).to.equal(batch);
    expect(apply(z.object({ id: z.number(), meta: z.object({ a: z.array(z.any()) }) }), meta)).to.equal(meta);
    expect(apply(z.object({ id: z.number() }), batch)).not.to.equal(batch);
    expect(apply(z.object({ id: z.number(), name: z.string(), more: z.number().default(1) }), batch)).not.to.equal(batch);
    const some = apply(UserSchema, batch) as AnyBatch;
    expect(some.schemaKnown).to.equal(true);
    expect(some.rows).to.deep.equal(kept);
  });

  it('rejects the record for which the schema throws', async () => {
    const letters: DeadLetter[] = [];
    const Throwing = z.object({ id: z.number().transform(id => (id === 3 ? fail() : id)) });
    const report = await pipeline(from.records(users), validate(Throwing), to.null(), { deadLetter: to.memory(letters) });
    expect(letters.map(({ code, record }) => ({ code, record }))).to.deep.equal([{ code: 'OPERATOR_THREW', record: users[3] }]);
    expect(report.written).to.equal(11);
  });

  it('does not wait for a schema that never answers when the run is aborted', async () => {
    const abort = new AbortController();
    const Never = z.object({ id: z.number().refine(() => new Promise<boolean>(() => setImmediate(() => abort.abort()))) });
    const error = await pipeline(from.records(users), validate(Never), to.null(), { signal: abort.signal }).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.have.property('code', 'CANCELLED');
  });

  it('refuses what is no schema', () => {
    expect(() => validate({} as never))
      .to.throw()
      .with.property('code', 'OPTION_INVALID');
  });
});

function apply(wanted: z.ZodType, batch: AnyBatch): unknown {
  const context = { signal: new AbortController().signal, reject: () => undefined } as unknown as OperatorContext;
  return validateKind.definition.batch?.({ messages: false }, context, wanted)(batch);
}

function fail(): never {
  throw new Error('the schema is at a loss');
}
