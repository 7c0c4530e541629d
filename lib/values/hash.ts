/** 32 well mixed bits of a number, other ones for each seed. Source: the finalizer of MurmurHash3, https://github.com/aappleby/smhasher */
export function hash(seed: number, number: number): number {
  let bits = Math.imul(number + 1, 0x85ebca6b) ^ seed;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
