export { csvDecoder } from './decoder.ts';
export { csvEncoder } from './encoder.ts';
export { csvOptions, type CsvOptions } from './options.ts';
export { CsvOrigin } from './origin.ts';
export { GUESS_BYTES, guessDialect, type GuessedDialect } from './guess.ts';
