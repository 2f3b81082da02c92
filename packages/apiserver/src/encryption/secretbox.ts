import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { ValueCipher } from './ciphers.js';
import { poly1305 } from './poly1305.js';
import { hsalsa20, salsa20Stream } from './salsa20.js';

const nonceBytes = 24;

/** NaCl's secretbox: XSalsa20 and Poly1305; the 24-byte nonce comes first (k8s:enc:secretbox:v1). */
export function secretbox(key: Buffer): ValueCipher {
  const seal = (input: Buffer, nonce: Buffer) => {
    const subKey = hsalsa20(key, nonce.subarray(0, 16));
    // The first 32 bytes of the stream are the authenticator's key, the message goes on from there.
    const stream = salsa20Stream(subKey, nonce.subarray(16), 32 + input.length);
    const out = Buffer.alloc(input.length);
    for (let i = 0; i < input.length; i++) out[i] = (input[i] as number) ^ (stream[32 + i] as number);
    return { out, macKey: stream.subarray(0, 32) };
  };
  return {
    encrypt(plain) {
      const nonce = randomBytes(nonceBytes);
      const { out, macKey } = seal(plain, nonce);
      return Buffer.concat([nonce, poly1305(macKey, out), out]);
    },
    decrypt(sealed) {
      if (sealed.length < nonceBytes + 16) throw new Error('the stored data was shorter than the required size');
      const nonce = sealed.subarray(0, nonceBytes);
      const tag = sealed.subarray(nonceBytes, nonceBytes + 16);
      const body = sealed.subarray(nonceBytes + 16);
      const { out, macKey } = seal(body, nonce);
      if (!timingSafeEqual(poly1305(macKey, body), tag)) throw new Error('the data was not made with this key');
      return out;
    },
  };
}
