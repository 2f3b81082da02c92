import { setTimeout as delay } from 'node:timers/promises';
import type { V1Node } from '@kubelab/api';
import { type Client, gvr } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';

/** kube-proxy's timeoutForNodePodCIDR. */
const podCidrTimeoutMs = 300_000;

export interface NodeSource {
  client: Client;
  nodeName: string;
  logger: Logger;
  signal: AbortSignal;
}

/** A proxy can do without knowing (source ranges, `primary`): a Node object that can't be read is only logged. */
export async function nodeAddresses({ client, nodeName, logger, signal }: NodeSource): Promise<string[]> {
  try {
    const node = await client.resource<V1Node>(gvr.nodes).get(nodeName, { signal });
    return (node.status?.addresses ?? []).filter((a) => a.type === 'InternalIP').map((a) => a.address);
  } catch (error) {
    logger.info('Cannot read the addresses of this node', { node: nodeName, error });
    return [];
  }
}

/** The node's own part of the pod network, once it has one. Throws after five minutes without. */
export async function nodePodCidrs({ client, nodeName, logger, signal }: NodeSource): Promise<string[]> {
  const deadline = Date.now() + podCidrTimeoutMs;
  for (;;) {
    try {
      const node = await client.resource<V1Node>(gvr.nodes).get(nodeName, { signal });
      const cidrs = node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : []);
      if (cidrs.length > 0) return cidrs;
      logger.info('Waiting for the pod CIDRs of this node', { node: nodeName });
    } catch (error) {
      logger.info('Cannot read this node yet', { node: nodeName, error });
    }
    if (Date.now() > deadline) throw new Error(`timeout waiting for PodCIDR allocation on node ${nodeName}`);
    await delay(1000, undefined, { signal });
  }
}
