/** Longest text shown on each side of the place that is pointed at. */
const SHOWN = 60;

/**
 * A message about a place in a text that the user wrote: the problem, the column (from 1, in characters), and the text with the place underlined.
 */
export function pointAt(what: string, text: string, start: number, end: number, problem: string): string {
  const from = Math.max(0, start - SHOWN);
  const to = Math.min(text.length, Math.max(end, start) + SHOWN);
  const before = `${from > 0 ? '…' : ''}${text.slice(from, start)}`;
  const after = `${text.slice(start, to)}${to < text.length ? '…' : ''}`;
  const marks = Math.max(1, lengthOf(text.slice(start, Math.min(end, to))));
  const column = lengthOf(text.slice(0, start)) + 1;
  return `${what}: ${problem} at column ${column}\n  ${oneLine(before + after)}\n  ${' '.repeat(lengthOf(before))}${'^'.repeat(marks)}`;
}

function lengthOf(text: string): number {
  return [...text].length;
}

/** Line breaks and tabs as blanks, so that the marks stand under their place. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, ' ');
}
