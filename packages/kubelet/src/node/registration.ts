import type { V1Node, V1Taint } from '@kubelab/api';
import { isAlreadyExists } from '@kubelab/apimachinery';
import { type Client, gvr } from '@kubelab/client';
import type { MachineInfo } from './machine.js';

/** Parses `key=value` pairs of --node-labels. Throws for what is not one. */
export function parseLabels(items: string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const item of items) {
    const equals = item.indexOf('=');
    if (equals <= 0) throw new Error(`not a label: ${JSON.stringify(item)}, expected key=value`);
    labels[item.slice(0, equals)] = item.slice(equals + 1);
  }
  return labels;
}

/** Parses `key=value:Effect` or `key:Effect` of --register-with-taints. */
export function parseTaints(items: string[]): V1Taint[] {
  return items.map((item) => {
    const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(item);
    if (!match) throw new Error(`not a taint: ${JSON.stringify(item)}, expected key=value:Effect`);
    return { key: match[1] ?? '', ...(match[2] ? { value: match[2] } : {}), effect: match[3] ?? '' };
  });
}

export function defaultLabels(nodeName: string, machine: MachineInfo): Record<string, string> {
  return {
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': machine.architecture,
    'beta.kubernetes.io/os': 'linux',
    'beta.kubernetes.io/arch': machine.architecture,
  };
}

/**
 * Creates the node object, or brings an existing one's labels up to date: the labels this agent owns are set, others
 * stay; taints are only given at creation, as by the kubelet.
 */
export async function registerNode(
  client: Client,
  name: string,
  labels: Record<string, string>,
  taints: V1Taint[],
  status: V1Node['status'],
): Promise<V1Node> {
  const nodes = client.resource<V1Node>(gvr.nodes);
  const node: V1Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels,
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: taints.length > 0 ? { taints } : {},
    status,
  };
  try {
    return await nodes.create(node);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const existing = await nodes.get(name);
  const stale = Object.entries(labels).some(([key, value]) => existing.metadata?.labels?.[key] !== value);
  return stale ? nodes.patch(name, { metadata: { labels } }, { type: 'merge' }) : existing;
}
