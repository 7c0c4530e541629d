/** Bytes put aside outside of memory by an operator whose state is too large for it. Gone when it is closed, whatever becomes of the process. */
export interface SpillFile {
  /** Adds the bytes at the end; gives where they begin. They may be changed as soon as it resolves. */
  write(bytes: Uint8Array): Promise<number>;
  /** These bytes, in memory of their own. */
  read(at: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** What the engine is given by the program that it stands in: it reaches out of the process by nothing else. */
export interface Services {
  /** A new file in this folder, or in the system's for temporary files. NOT_FOUND, NOT_PERMITTED, DISK_FULL, IO_FAILED. */
  openSpill?(folder: string | undefined): Promise<SpillFile>;
}
