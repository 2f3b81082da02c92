import { createPrivateKey } from 'node:crypto';
import type { V1Secret } from '@kubelab/api';
import { isConflict, isNotFound, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { type CryptoKey, SignJWT } from 'jose';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { Secret, ServiceAccount } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { Reconciler } from '../framework/reconciler.js';
import { legacyClaims, publicKeyId, signingAlgorithm } from './legacy-token.js';

const tokenType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';

/**
 * Fills secrets of type kubernetes.io/service-account-token with a token, the CA and the namespace, and deletes those
 * whose service account is gone.
 */
export const serviceAccountTokenController: ControllerDescriptor = {
  name: 'serviceaccount-token-controller',
  aliases: ['serviceaccount-token'],
  rootCredentials: true,
  create({ client, informers, logger, options }) {
    const pem = options.serviceAccountPrivateKeyPem;
    if (!pem) return undefined;
    const key = createPrivateKey(pem);
    const keyId = publicKeyId(key);
    const secrets = informers.informer<Secret>(gvr.secrets);
    const accounts = informers.informer<ServiceAccount>(gvr.serviceaccounts);
    const secretClient = client.resource<V1Secret>(gvr.secrets);

    async function reconcile(secretKey: string): Promise<void> {
      const { namespace, name } = splitObjectKey(secretKey);
      const secret = secrets.lister.get(namespace, name);
      if (secret?.type !== tokenType || secret.metadata.deletionTimestamp) return;
      const accountName = secret.metadata.annotations?.[nameAnnotation];
      if (!accountName) return;
      const account = await findAccount(namespace, accountName);
      const uid = secret.metadata.annotations?.[uidAnnotation];
      if (!account || (uid && uid !== account.metadata.uid)) {
        await remove(secret);
        return;
      }
      await fill(secret, account);
    }

    /** From the cache, or live: a secret made right after its account must not be taken for an orphan. */
    async function findAccount(namespace: string, name: string): Promise<ServiceAccount | undefined> {
      const cached = accounts.lister.get(namespace, name);
      if (cached) return cached;
      try {
        return await client.resource<ServiceAccount>(gvr.serviceaccounts).namespace(namespace).get(name);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    }

    async function remove(secret: Secret): Promise<void> {
      const { namespace, name, uid } = secret.metadata;
      try {
        await secretClient.namespace(namespace).delete(name, { preconditions: { uid } });
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
    }

    async function fill(secret: Secret, account: ServiceAccount): Promise<void> {
      const data = { ...secret.data };
      const encode = (text: string): string => Buffer.from(text).toString('base64');
      const ca = options.rootCaPem === undefined ? undefined : encode(options.rootCaPem);
      if (ca !== undefined) data['ca.crt'] = ca;
      data.namespace = encode(secret.metadata.namespace);
      if (!data.token) {
        const token = await new SignJWT(legacyClaims(account, secret))
          .setProtectedHeader({ alg: signingAlgorithm(key), kid: keyId })
          .sign(key as unknown as CryptoKey);
        data.token = encode(token);
      }
      const annotations = { ...secret.metadata.annotations, [uidAnnotation]: account.metadata.uid };
      const unchanged =
        Object.entries(data).every(([field, value]) => secret.data?.[field] === value) &&
        secret.metadata.annotations?.[uidAnnotation] === account.metadata.uid;
      if (unchanged) return;
      await secretClient
        .namespace(secret.metadata.namespace)
        .update({ ...secret, metadata: { ...secret.metadata, annotations }, data });
    }

    return new Reconciler({
      name: 'serviceaccount-token-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    })
      .watch(secrets, (secret) => (secret.type === tokenType ? [keyOf(secret)] : []))
      .watch(accounts, (account) =>
        secrets.lister
          .list(account.metadata.namespace)
          .filter((secret) => secret.type === tokenType)
          .filter((secret) => secret.metadata.annotations?.[nameAnnotation] === account.metadata.name)
          .map(keyOf),
      );
  },
};
