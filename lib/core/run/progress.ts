/** Where a run is now. */
export interface Progress {
  readonly read: number;
  /** Records whose outcome is known. */
  readonly written: number;
  readonly rejected: number;
  readonly bytesRead: number;
  readonly seconds: number;
  /** Records a second since the progress before. */
  readonly recordsPerSecond: number;
  readonly bytesPerSecond: number;
  /** 0 to 1, where the source says how much there will be. */
  readonly fraction?: number;
  readonly secondsLeft?: number;
  /** The stage that worked longest since the progress before. */
  readonly slowestStage: string | undefined;
  /** True in the last one. */
  readonly done: boolean;
}
