import { z } from 'zod';
import type { StandardResult, StandardSchemaV1 } from './standard-schema.ts';

export type Validator = (value: unknown) => StandardResult<unknown> | Promise<StandardResult<unknown>>;

const compiled = new WeakMap<StandardSchemaV1, Validator>();

/**
 * What a schema validates by. One of zod is compiled, once: results and issues are the same, several times as fast; what a record that does not fit
 * is refused for is found by the schema itself, which calls refinements and transforms of the user's a second time. Others, and what zod cannot
 * compile, validate as they are.
 * Source: https://zod.dev/compile
 */
export function validatorOf(schema: StandardSchemaV1): Validator {
  let validator = compiled.get(schema);
  if (validator === undefined) {
    validator = (isOwnZod(schema) ? z.compile(schema) : schema)['~standard'].validate;
    compiled.set(schema, validator);
  }
  return validator;
}

/** Of the very version that is installed here: what is compiled is the inside of a schema, which changes from version to version. */
function isOwnZod(schema: StandardSchemaV1): schema is StandardSchemaV1 & z.ZodType {
  if (!('_zod' in schema) || z.config().jitless === true) return false;
  const { version } = schema._zod as { version?: typeof z.core.version };
  const own = z.core.version;
  return version?.major === own.major && version.minor === own.minor && version.patch === own.patch;
}
