import { expect } from 'chai';
import fc from 'fast-check';
import * as v from 'valibot';
import { z } from 'zod';
import { validatorOf } from '../../lib/schema/compiled-validator.ts';
import type { StandardSchemaV1 } from '../../lib/schema/standard-schema.ts';

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  coercing: z.object({ a: z.coerce.number().int(), b: z.coerce.date(), c: z.string().max(3).nullable() }),
  strict: z.strictObject({ a: z.string(), b: z.email().optional() }),
  loose: z.looseObject({ a: z.string().default('x'), b: z.union([z.number(), z.array(z.string())]).catch(7) }),
  changing: z.object({ a: z.string().transform(text => text.length), b: z.string().refine(text => text !== 'b') }),
  recursive: z.object({
    a: z.string(),
    get b() {
      return z.array(SCHEMAS.strict as z.ZodType).optional();
    },
  }),
};
const values = fc.oneof(fc.constantFrom('1', '2024-01-31', 'b', 'a@b.no', '', null, undefined), fc.jsonValue({ maxDepth: 1 }));

describe('the validator of a schema', () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    it(`of zod, ${name}: gives what the schema gives`, () => {
      const validate = validatorOf(schema);
      fc.assert(
        fc.property(fc.record({ a: values, b: values, c: values }, { requiredKeys: [] }), record => {
          expect(plain(validate(record))).to.deep.equal(plain(schema['~standard'].validate(record)));
        }),
      );
    });
  }

  it('of zod is compiled, once', () => {
    const schema = SCHEMAS.coercing as z.ZodType;
    expect(validatorOf(schema)).to.equal(validatorOf(schema)).and.not.to.equal(schema['~standard'].validate);
  });

  it('of another version of zod, of another library, or of a zod that may not make code, is its own', () => {
    const other = z.object({ a: z.string() });
    other._zod.version = { ...other._zod.version, patch: other._zod.version.patch + 1 };
    const valibot = v.object({ a: v.string() });
    const mayNot = z.object({ a: z.string() });
    expect(validatorOf(other)).to.equal(other['~standard'].validate);
    expect(validatorOf(valibot)).to.equal(valibot['~standard'].validate);
    z.config({ jitless: true });
    try {
      expect(validatorOf(mayNot)).to.equal(mayNot['~standard'].validate);
    } finally {
      z.config({ jitless: false });
    }
  });

  it('of an asynchronous schema gives promises', async () => {
    for (const late of [
      z.string().refine(async text => Promise.resolve(text !== '')),
      z.string().refine(text => Promise.resolve(text !== '')),
    ]) {
      const result = validatorOf(z.object({ a: late }) as StandardSchemaV1)({ a: 'x' });
      expect(result).to.be.instanceOf(Promise);
      expect(await result).to.have.deep.property('value', { a: 'x' });
    }
  });
});

/** Without the classes of what stands in it. */
function plain(result: unknown): unknown {
  return JSON.parse(JSON.stringify(result));
}
