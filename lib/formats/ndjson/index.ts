export { ndjsonDecoder } from './decode.ts';
export { ndjsonEncoder } from './encode.ts';
export { NdjsonOrigin } from './origin.ts';
export { jsonNullsAsNull, type ReducedNulls } from './json-null.ts';
export { MalformedAt } from './malformed.ts';
