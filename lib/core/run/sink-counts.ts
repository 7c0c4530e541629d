/** What a sink says of its own count. */
export class SinkCounts {
  written = 0;
  unchanged = 0;
  superseded = 0;
  deleted = 0;
  bytes = 0;
  /** True when the sink counts for itself; else what was settled counts as written. */
  areOwn = false;

  add({ written, unchanged, superseded, deleted = 0, bytes = 0 }: Partial<SinkCounts>): void {
    // Also none at all is a count: a server that took every row and kept nothing says so.
    this.areOwn ||= written !== undefined || unchanged !== undefined || superseded !== undefined;
    this.written += written ?? 0;
    this.unchanged += unchanged ?? 0;
    this.superseded += superseded ?? 0;
    this.deleted += deleted;
    this.bytes += bytes;
  }
}
