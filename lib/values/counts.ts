/** So many of something, for a person: `1 record`, `1,234 records`, `2 indexes`. */
export function countOf(count: number, noun: string): string {
  const ending = count === 1 ? '' : noun.endsWith('x') ? 'es' : 's';
  return `${Math.round(count).toLocaleString('en-US')} ${noun}${ending}`;
}
