/** How wide an output is, in cells: a terminal of unknown size says 0; what is no terminal says nothing. */
export function widthOf(output: { readonly columns?: number | undefined }, fallback: number): number {
  return output.columns || Number(process.env['COLUMNS']) || fallback;
}
