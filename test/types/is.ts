/** True when two types are the same, not merely assignable. */
export type Is<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where its argument is true: `is<Is<typeof x, number>>()`. */
export declare const is: <_T extends true>() => void;
