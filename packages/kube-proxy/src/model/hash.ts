import { createHash } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first characters, of 5 bits each, of the RFC 4648 base32 of a text's SHA-256: what kube-proxy's names have. */
export function base32Sha256(text: string, characters: number): string {
  const digest = createHash('sha256').update(text).digest();
  let out = '';
  for (let bit = 0; bit < characters * 5; bit += 5) {
    const i = bit >> 3;
    const window = ((digest[i] as number) << 8) | (digest[i + 1] as number);
    out += alphabet[(window >> (11 - (bit & 7))) & 31];
  }
  return out;
}
