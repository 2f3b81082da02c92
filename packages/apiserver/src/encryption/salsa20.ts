/** Salsa20 (D. J. Bernstein), which Node's crypto does not have; used by NaCl's secretbox. */

const sigma = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

const rotate = (v: number, n: number) => (v << n) | (v >>> (32 - n));

/** Twenty rounds on a state of sixteen words, in place. */
function rounds(x: Int32Array): void {
  const quarter = (a: number, b: number, c: number, d: number) => {
    x[b] = (x[b] as number) ^ rotate(((x[a] as number) + (x[d] as number)) | 0, 7);
    x[c] = (x[c] as number) ^ rotate(((x[b] as number) + (x[a] as number)) | 0, 9);
    x[d] = (x[d] as number) ^ rotate(((x[c] as number) + (x[b] as number)) | 0, 13);
    x[a] = (x[a] as number) ^ rotate(((x[d] as number) + (x[c] as number)) | 0, 18);
  };
  for (let i = 0; i < 10; i++) {
    quarter(0, 4, 8, 12);
    quarter(5, 9, 13, 1);
    quarter(10, 14, 2, 6);
    quarter(15, 3, 7, 11);
    quarter(0, 1, 2, 3);
    quarter(5, 6, 7, 4);
    quarter(10, 11, 8, 9);
    quarter(15, 12, 13, 14);
  }
}

/** @param input 16 bytes: nonce and counter */
function initial(key: Buffer, input: Buffer): Int32Array {
  const k = (i: number) => key.readInt32LE(i * 4);
  const n = (i: number) => input.readInt32LE(i * 4);
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = sigma;
  return Int32Array.of(s0, k(0), k(1), k(2), k(3), s1, n(0), n(1), n(2), n(3), s2, k(4), k(5), k(6), k(7), s3);
}

/** Derives a key from a key and 16 bytes of nonce. */
export function hsalsa20(key: Buffer, nonce: Buffer): Buffer {
  const x = initial(key, nonce);
  rounds(x);
  const out = Buffer.alloc(32);
  for (const [i, word] of [0, 5, 10, 15, 6, 7, 8, 9].entries()) out.writeInt32LE(x[word] as number, i * 4);
  return out;
}

/** The key stream of an 8-byte nonce. */
export function salsa20Stream(key: Buffer, nonce: Buffer, length: number): Buffer {
  const out = Buffer.alloc(Math.ceil(length / 64) * 64);
  const input = Buffer.alloc(16);
  nonce.copy(input);
  for (let block = 0; block * 64 < length; block++) {
    input.writeUInt32LE(block, 8);
    const state = initial(key, input);
    const x = Int32Array.from(state);
    rounds(x);
    for (let i = 0; i < 16; i++) out.writeInt32LE(((x[i] as number) + (state[i] as number)) | 0, block * 64 + i * 4);
  }
  return out.subarray(0, length);
}
