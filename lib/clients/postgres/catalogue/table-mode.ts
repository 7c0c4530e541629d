/** What becomes of rows that a table has already. */
export type TableMode = 'create' | 'append' | 'replace' | 'upsert' | 'sync';

/** Rows are merged into it by key. */
export function mergesRows(mode: TableMode): boolean {
  return mode === 'upsert' || mode === 'sync';
}
