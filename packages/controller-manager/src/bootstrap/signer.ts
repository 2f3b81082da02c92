import type { V1ConfigMap } from '@kubelab/api';
import { gvr } from '@kubelab/client';
import { FlattenedSign } from 'jose';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { ConfigMap, Secret } from '../framework/kinds.js';
import { Reconciler } from '../framework/reconciler.js';
import { bootstrapTokenType, isExpired, parseTokenSecret } from './token.js';

const namespace = 'kube-public';
const configMapName = 'cluster-info';
const signaturePrefix = 'jws-kubeconfig-';

/** Detached HS256 JWS of a text by a bootstrap token, as kubeadm verifies it: `header..signature`. */
export async function detachedSignature(content: string, tokenId: string, tokenSecret: string): Promise<string> {
  const jws = await new FlattenedSign(new TextEncoder().encode(content))
    .setProtectedHeader({ alg: 'HS256', kid: tokenId })
    .sign(new TextEncoder().encode(tokenSecret));
  return `${jws.protected}..${jws.signature}`;
}

/** Signs the cluster-info ConfigMap with every signing token, so that joining machines can trust it. */
export const bootstrapSignerController: ControllerDescriptor = {
  name: 'bootstrap-signer-controller',
  aliases: ['bootstrapsigner'],
  serviceAccount: 'bootstrap-signer',
  disabledByDefault: true,
  create({ client, informers, logger }) {
    const configMaps = informers.informer<ConfigMap>(gvr.configmaps);
    const secrets = informers.informer<Secret>(gvr.secrets);

    async function reconcile(): Promise<{ requeueAfterMs: number } | undefined> {
      const current = configMaps.lister.get(namespace, configMapName);
      const kubeconfig = current?.data?.kubeconfig;
      if (!current || kubeconfig === undefined) return undefined;
      const nowMs = Date.now();
      const tokens = secrets.lister.list('kube-system').flatMap((secret) => {
        const token = parseTokenSecret(secret);
        return token?.usages.signing && !isExpired(token, nowMs) ? [token] : [];
      });
      const kept = Object.entries(current.data ?? {}).filter(([key]) => !key.startsWith(signaturePrefix));
      const data = Object.fromEntries(kept);
      for (const { id, secret } of tokens) data[signaturePrefix + id] = await detachedSignature(kubeconfig, id, secret);
      if (!sameData(current.data ?? {}, data)) {
        await client
          .resource<V1ConfigMap>(gvr.configmaps)
          .namespace(namespace)
          .update({ ...current, data });
      }
      const expiries = tokens.flatMap(({ expiresAtMs }) => (expiresAtMs === undefined ? [] : [expiresAtMs - nowMs]));
      return expiries.length > 0 ? { requeueAfterMs: Math.min(...expiries) + 1000 } : undefined;
    }

    return new Reconciler({ name: 'bootstrap-signer-controller', logger, workers: 1, reconcile })
      .watch(configMaps, ({ metadata }) =>
        metadata.namespace === namespace && metadata.name === configMapName ? [configMapName] : [],
      )
      .watch(secrets, (secret) => (secret.type === bootstrapTokenType ? [configMapName] : []));
  },
};

function sameData(a: Record<string, string>, b: Record<string, string>): boolean {
  return Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, value]) => b[key] === value);
}
