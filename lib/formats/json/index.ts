export { jsonDecoder } from './decode.ts';
export { jsonEncoder } from './encode.ts';
