/**
 * Addresses and bit strings, as the text that PostgreSQL prints.
 * Source: src/backend/utils/adt/network.c, inet_net_ntop.c, mac.c, mac8.c, varbit.c (the *_send and *_out functions)
 */
import type { DecodeText, FieldDecoder, FieldSource } from './field.ts';

const IPV4 = 2;

/** Family, bits of the mask, whether it is a cidr, count of bytes; the address. A cidr always shows its mask, an inet one that is not full. */
const inetText: DecodeText = ({ bytes }, at) => {
  const isIpv4 = bytes[at] === IPV4;
  const mask = bytes[at + 1] as number;
  const address = isIpv4 ? ipv4(bytes, at + 4) : ipv6(bytes, at + 4);
  return bytes[at + 2] === 0 && mask === (isIpv4 ? 32 : 128) ? address : `${address}/${mask}`;
};
export const inetDecoder: FieldDecoder = { decode: inetText, text: inetText };

function ipv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** The first of the longest runs of two and more zero groups becomes `::`; addresses that hold one of IPv4 show it as such. */
function ipv6(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[at + 2 * i] as number) << 8) | (bytes[at + 2 * i + 1] as number));
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.map(hex).join(':');
  const holdsIpv4 = start === 0 && (length === 6 || (length === 7 && groups[7] !== 1) || (length === 5 && groups[5] === 0xffff));
  const tail = holdsIpv4 ? [...groups.slice(length, 6).map(hex), ipv4(bytes, at + 12)] : groups.slice(start + length).map(hex);
  return `${groups.slice(0, start).map(hex).join(':')}::${tail.join(':')}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 0 };
  for (let i = 0, start = 0; i < groups.length; i++) {
    if (groups[i] !== 0) start = i + 1;
    else if (i - start + 1 > best.length) best = { start, length: i - start + 1 };
  }
  return best;
}

function hex(group: number): string {
  return group.toString(16);
}

const macText: DecodeText = ({ bytes }, at, length) => bytes.hexSlice(at, at + length).replace(/..(?!$)/g, '$&:');
export const macDecoder: FieldDecoder = { decode: macText, text: macText };

/** Count of bits; the bits, the first one highest. */
const bitText: DecodeText = ({ bytes, view }, at) => {
  const count = view.getInt32(at);
  let text = '';
  for (let i = at + 4; text.length < count; i++) text += BYTES[bytes[i] as number] as string;
  return text.slice(0, count);
};
export const bitDecoder: FieldDecoder = { decode: bitText, text: bitText };

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(2).padStart(8, '0'));

/** One byte: none for zero, beyond ASCII its octal number. */
const charText: DecodeText = ({ bytes }: FieldSource, at) => {
  const byte = bytes[at] as number;
  if (byte === 0) return '';
  return byte < 128 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`;
};
export const charDecoder: FieldDecoder = { decode: charText, text: charText };
