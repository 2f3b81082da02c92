import type { V1Lease, V1Node } from '@kubelab/api';
import { isAlreadyExists, isConflict, isNotFound, nowMicro } from '@kubelab/apimachinery';
import { type Client, gvr } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import { sleep } from '../lifecycle/hooks.js';

const namespace = 'kube-node-lease';

export interface LeaseOptions {
  client: Client;
  logger: Logger;
  nodeName: string;
  /** --node-lease-duration-seconds; renewed at a quarter of it. */
  durationSeconds: number;
  node(): V1Node | undefined;
  onRenewed?(): void;
}

/** Keeps the node's Lease renewed: the heartbeat the node lifecycle controller watches. */
export async function runLease(options: LeaseOptions, signal: AbortSignal): Promise<void> {
  const { client, logger, nodeName, durationSeconds } = options;
  const leases = client.resource<V1Lease>(gvr.leases).namespace(namespace);
  let lease: V1Lease | undefined;
  let retryMs = 200;
  while (!signal.aborted) {
    try {
      lease ??= await leases.get(nodeName).catch((error) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      lease = lease ? await leases.update(renewed(lease, options)) : await leases.create(renewed(undefined, options));
      options.onRenewed?.();
      retryMs = 200;
      await sleep((durationSeconds * 1000) / 4, signal);
    } catch (error) {
      lease = undefined;
      if (isConflict(error) || isAlreadyExists(error)) continue;
      logger.warn('Lease could not be renewed', { error });
      await sleep(retryMs, signal);
      retryMs = Math.min(7_000, retryMs * 2);
    }
  }
}

function renewed(lease: V1Lease | undefined, { nodeName, durationSeconds, node }: LeaseOptions): V1Lease {
  const owner = node();
  const spec = { holderIdentity: nodeName, leaseDurationSeconds: durationSeconds, renewTime: nowMicro() };
  // Goes with its node.
  const ownerReferences = owner?.metadata?.uid
    ? [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: owner.metadata.uid }]
    : undefined;
  if (lease) {
    const orphan = ownerReferences && (lease.metadata?.ownerReferences ?? []).length === 0;
    const metadata = orphan ? { ...lease.metadata, ownerReferences } : lease.metadata;
    return { ...lease, metadata, spec: { ...lease.spec, ...spec } };
  }
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: nodeName, namespace, ...(ownerReferences ? { ownerReferences } : {}) },
    spec,
  };
}
