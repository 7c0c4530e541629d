/** What `toString` of a Buffer calls after looking at its arguments; older than any of Node's types. */
export interface TextBuffer extends Buffer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
  hexSlice(start: number, end: number): string;
}
