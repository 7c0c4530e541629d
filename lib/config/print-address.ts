/** Names of parameters whose values are secrets. */
const SECRET = /(pass(word|wd|phrase)?|secret|token|credential|signature|api_?key|access_?key)/i;

/** An address for messages: passwords and other secrets are masked, control characters made visible. */
export function printAddress(text: string): string {
  const masked = maskPassword(text).replace(/([?&])([^=&]+)=([^&]*)/g, (all, before: string, name: string) =>
    SECRET.test(name) ? `${before}${name}=***` : all,
  );

  return masked.replace(/[\u0000-\u001f\u007f]/g, character => JSON.stringify(character).slice(1, -1));
}

/** Rather too much than too little: a password may hold an `@`, `/` or `?` that nobody encoded. */
function maskPassword(text: string): string {
  const match = /^([a-z][a-z0-9+.-]*:\/\/|postgres(?:ql)?:)(.*)$/is.exec(text);
  if (match === null) return text;
  const [, scheme, rest] = match as unknown as [string, string, string];
  const parameters = beginOfParameters(rest);
  let end = rest.lastIndexOf('@', parameters < 0 ? rest.length : parameters);
  if (end < 0 && hasPasswordWithoutEnd(rest)) end = rest.lastIndexOf('@');
  const colon = rest.indexOf(':');
  return end < 0 || colon < 0 || colon > end ? text : `${scheme}${rest.slice(0, colon)}:***${rest.slice(end)}`;
}

/** The first `?`, but where what follows it up to an `@` is no `name=value`: then that is a part of the password, too. */
function beginOfParameters(rest: string): number {
  const at = rest.indexOf('?');
  const next = at < 0 ? -1 : rest.indexOf('@', at);
  if (next < 0 || rest.slice(at, next).includes('=')) return at;
  const further = rest.slice(next).indexOf('?');
  return further < 0 ? -1 : next + further;
}

/** `user:some?thing@host`: behind the colon stands no port, and an `@` comes later. */
function hasPasswordWithoutEnd(rest: string): boolean {
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  return authority.includes(':') && !/(^|:)\d*$|\]$/.test(authority);
}
