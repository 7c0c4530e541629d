/** Where a run is now. */
export interface Progress {
  /** Records that came out of the source. */
  readonly read: number;
  /** Records whose outcome is known. */
  readonly written: number;
  /** Records that a stage refused. */
  readonly rejected: number;
  /** As the source counts them; 0 where it has none. */
  readonly bytesRead: number;
  /** Since the run began. */
  readonly seconds: number;
  /** Records a second since the progress before. */
  readonly recordsPerSecond: number;
  /** Since the progress before. */
  readonly bytesPerSecond: number;
  /** 0 to 1, where the source says how much there will be. */
  readonly fraction?: number;
  /** About, where `fraction` is known. */
  readonly secondsLeft?: number;
  /** The stage that worked longest since the progress before. */
  readonly slowestStage: string | undefined;
  /** Which attempt this is, from 1: a run that was lost is begun again. */
  readonly attempts: number;
  /** True in the last one. */
  readonly done: boolean;
}
