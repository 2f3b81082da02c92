import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';

export interface VerificationKey {
  id: string;
  key: KeyObject;
  algorithm: 'RS256' | 'ES256' | 'ES384' | 'ES512';
}

/** The id of a public key: hash of its DER form, base64url, as Kubernetes makes it. */
export function keyId(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

function algorithmOf(key: KeyObject): VerificationKey['algorithm'] {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return 'ES256';
    case 'secp384r1':
      return 'ES384';
    case 'secp521r1':
      return 'ES512';
    default:
      throw new Error('unknown public key type, must be an RSA or ECDSA key');
  }
}

/** The public keys of a PEM file (public keys, certificates or private keys). @throws Error when it holds none */
export function verificationKeys(pem: string): VerificationKey[] {
  const blocks = pem.match(/-----BEGIN [A-Z ]+-----[\s\S]+?-----END [A-Z ]+-----/g) ?? [];
  const keys = blocks.filter((b) => !b.includes('EC PARAMETERS')).map((b) => createPublicKey(b));
  if (keys.length === 0) throw new Error('data does not contain any valid RSA or ECDSA public keys');
  return keys.map((key) => ({ id: keyId(key), key, algorithm: algorithmOf(key) }));
}

/** The private key that signs tokens. */
export function signingKey(pem: string): VerificationKey {
  const key = createPrivateKey(pem);
  const publicKey = createPublicKey(key);
  return { id: keyId(publicKey), key, algorithm: algorithmOf(publicKey) };
}

/** The keys as a JSON Web Key Set (/openid/v1/jwks). */
export function jsonWebKeySet(keys: VerificationKey[]): { keys: JWK[] } {
  return {
    keys: keys.map((k) => ({ use: 'sig', kid: k.id, alg: k.algorithm, ...(k.key.export({ format: 'jwk' }) as JWK) })),
  };
}
