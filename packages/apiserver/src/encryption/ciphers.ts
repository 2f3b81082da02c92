import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Encrypts values with one key. `context` is authenticated where the cipher can: the value belongs to its key in etcd. */
export interface ValueCipher {
  encrypt(plain: Buffer, context: string): Buffer;
  /** @throws Error when the value was not made with this key */
  decrypt(sealed: Buffer, context: string): Buffer;
}

/** AES-CBC with PKCS#7 padding; the IV comes first (k8s:enc:aescbc:v1). */
export function aesCbc(key: Buffer): ValueCipher {
  const name = `aes-${key.length * 8}-cbc`;
  return {
    encrypt(plain) {
      const iv = randomBytes(16);
      const cipher = createCipheriv(name, key, iv);
      return Buffer.concat([iv, cipher.update(plain), cipher.final()]);
    },
    decrypt(sealed) {
      if (sealed.length < 32) throw new Error('the stored data was shorter than the required size');
      const cipher = createDecipheriv(name, key, sealed.subarray(0, 16));
      return Buffer.concat([cipher.update(sealed.subarray(16)), cipher.final()]);
    },
  };
}

/** AES-GCM: nonce (12 bytes), ciphertext, tag (k8s:enc:aesgcm:v1). */
export function aesGcm(key: Buffer): ValueCipher {
  const name = `aes-${key.length * 8}-gcm` as 'aes-256-gcm';
  return {
    encrypt(plain, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv(name, key, nonce);
      cipher.setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([nonce, body, cipher.getAuthTag()]);
    },
    decrypt(sealed, context) {
      if (sealed.length < 28) throw new Error('the stored data was shorter than the required size');
      const cipher = createDecipheriv(name, key, sealed.subarray(0, 12));
      cipher.setAAD(Buffer.from(context));
      cipher.setAuthTag(sealed.subarray(-16));
      return Buffer.concat([cipher.update(sealed.subarray(12, -16)), cipher.final()]);
    },
  };
}
