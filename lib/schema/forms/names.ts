/** A property name as JavaScript needs it: quoted where it is no identifier, computed where it would set the prototype. */
export function propertyName(name: string): string {
  if (name === '__proto__') return '["__proto__"]';
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? name : JSON.stringify(name);
}

/** A type's name made of any words: `order items` is OrderItems. */
export function typeIdentifier(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(word => word !== '');
  const joined = words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return joined === '' ? 'Row' : /^\p{N}/u.test(joined) ? `Row${joined}` : joined;
}
