import type { KubeObject } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import { waitFor } from '../process/wait.js';

interface NodeStatus {
  conditions?: { type: string; status: string; lastHeartbeatTime?: string }[];
}

/** Waits until each of the nodes is Ready; returns their names. */
export async function waitNodesReady(client: Client, names: string[], timeoutMs = 90_000): Promise<string[]> {
  let missing = names;
  await waitFor(
    async () => {
      const list = await client.resource({ group: '', version: 'v1', resource: 'nodes' }).list();
      const ready = new Set(list.items.filter(isReady).map((node) => node.metadata.name));
      missing = names.filter((name) => !ready.has(name));
      return missing.length === 0;
    },
    { what: `nodes to be Ready: ${names.join(', ')}`, timeoutMs, intervalMs: 200 },
  );
  return names;
}

export function isReady(node: KubeObject): boolean {
  const status = node.status as NodeStatus | undefined;
  return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

/** Waits until cluster DNS has a pod that answers. */
export async function waitDnsReady(client: Client, timeoutMs = 60_000): Promise<string> {
  const deployments = client
    .resource({ group: 'apps', version: 'v1', resource: 'deployments' })
    .namespace('kube-system');
  await waitFor(
    async () => {
      const { status } = await deployments.get('kube-dns');
      return ((status as { readyReplicas?: number } | undefined)?.readyReplicas ?? 0) > 0;
    },
    { what: 'cluster DNS to be ready', timeoutMs, intervalMs: 200 },
  );
  return 'cluster DNS answers';
}
