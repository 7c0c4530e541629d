import type { DecodeContext } from '../format.ts';
import { tooLarge } from './malformed.ts';
import { isBlank } from './parse-records.ts';
import { type JsonRecords, RecordsBuilder } from './records.ts';

const LF = 10;

/** Cuts chunks of any size into batches of whole lines, without their blank ones. Looks at no byte but line ends. */
export class LineBatches {
  /** Bytes, lines and records of the input up to the end of what was given last. */
  offset: number;
  line: number;
  row: number;
  readonly #builder: RecordsBuilder;
  readonly #context: DecodeContext;
  /** The same up to the beginning of the line that is open. */
  #nextOffset: number;
  #nextLine: number;

  constructor(context: DecodeContext, skippedBytes: number) {
    this.#context = context;
    this.#builder = new RecordsBuilder(context.file);
    this.offset = this.#nextOffset = (context.after?.offset ?? 0) + skippedBytes;
    this.line = this.#nextLine = context.after?.line ?? 0;
    this.row = context.after?.row ?? 0;
  }

  /** The batches that this chunk fills; take each before the next. What is left of the chunk is kept. */
  *push(chunk: Uint8Array): Generator<JsonRecords> {
    const builder = this.#builder;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const { batchRows, batchBytes } = this.#context;
    let copied = 0;
    let start = 0;
    let open = builder.openBytes;
    for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, start)) {
      const length = open + lf + 1 - start;
      if (isBlank(bytes, start, lf) && isBlank(builder.openPart, 0, open)) {
        builder.add(bytes, copied, start);
        builder.dropOpen();
        copied = lf + 1;
      } else {
        this.#checkLength(length - 1);
        if (builder.rows > 0 && builder.wholeBytes + length > batchBytes) {
          builder.add(bytes, copied, start);
          copied = start;
          yield this.#take();
        }
        builder.endRecord(length, { line: this.#nextLine + 1, offset: this.#nextOffset });
      }
      this.#nextOffset += length;
      this.#nextLine++;
      start = lf + 1;
      open = 0;
      if (builder.rows >= batchRows) {
        builder.add(bytes, copied, start);
        copied = start;
        yield this.#take();
      }
    }
    builder.add(bytes, copied, bytes.length);
    this.#checkLength(builder.openBytes);
  }

  /** What is left when the input has ended: a last line needs no line end. */
  end(): JsonRecords | undefined {
    const builder = this.#builder;
    const open = builder.openBytes;
    if (!isBlank(builder.openPart, 0, open)) {
      builder.closeRecord({ line: this.#nextLine + 1, offset: this.#nextOffset });
      this.#nextOffset += open;
      this.#nextLine++;
    }
    return builder.rows === 0 ? undefined : this.#take();
  }

  /** The whole records that were kept, where no more come for now. */
  whole(): JsonRecords[] {
    return this.#builder.rows === 0 ? [] : [this.#take()];
  }

  #take(): JsonRecords {
    const records = this.#builder.take();
    this.offset = this.#nextOffset;
    this.line = this.#nextLine;
    this.row += records.lines.length;
    return records;
  }

  #checkLength(length: number): void {
    const { file, maxRecordBytes } = this.#context;
    if (length > maxRecordBytes) throw tooLarge({ file, line: this.#nextLine + 1, offset: this.#nextOffset }, maxRecordBytes);
  }
}
