import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { Secret, ServiceAccount } from '../framework/kinds.js';

/** The claims of a token kept in a secret: no expiry, valid as long as the secret and the account exist. */
export function legacyClaims(account: ServiceAccount, secret: Secret): Record<string, string> {
  const { namespace, name, uid } = account.metadata;
  return {
    iss: 'kubernetes/serviceaccount',
    sub: `system:serviceaccount:${namespace}:${name}`,
    'kubernetes.io/serviceaccount/namespace': namespace,
    'kubernetes.io/serviceaccount/secret.name': secret.metadata.name,
    'kubernetes.io/serviceaccount/service-account.name': name,
    'kubernetes.io/serviceaccount/service-account.uid': uid,
  };
}

/** Key id as Kubernetes derives it: SHA-256 of the public key's DER, base64url. */
export function publicKeyId(privateKey: KeyObject): string {
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64url');
}

/** JWS algorithm that fits the key. Throws for keys that service account tokens cannot be signed with. */
export function signingAlgorithm(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const algorithm = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }[curve ?? ''];
  if (!algorithm) throw new Error(`unknown private key type ${key.asymmetricKeyType}, must be RSA or ECDSA`);
  return algorithm;
}
