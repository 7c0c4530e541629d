/** The type as a reader wants to see it: its properties, not how they were computed. */
export type Show<T> = { [K in keyof T]: T[K] } & {};

/** Names of columns. */
export type Key<T> = keyof T & string;
