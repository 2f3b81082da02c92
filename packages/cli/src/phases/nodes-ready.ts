import { Resolver } from 'node:dns/promises';
import type { KubeObject } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import type { ClusterConfig } from '../cluster/config.js';
import { assertRunning, type ProcessSpec } from '../process/daemon.js';
import { waitFor } from '../process/wait.js';

interface NodeStatus {
  conditions?: { type: string; status: string; lastHeartbeatTime?: string }[];
}

/** After this long without a renewed lease the node lifecycle controller gives a node up (nodeMonitorGracePeriod). */
const leaseHoldsMs = 40_000;

/**
 * Waits until each of the nodes is Ready, and says so now: after a reboot the Ready condition is still there from
 * before, but not a fresh lease. Fails at once when one of the processes has ended. Returns the names.
 */
export async function waitNodesReady(
  client: Client,
  names: string[],
  processes: ProcessSpec[],
  timeoutMs = 180_000,
): Promise<string[]> {
  const leases = client
    .resource({ group: 'coordination.k8s.io', version: 'v1', resource: 'leases' })
    .namespace('kube-node-lease');
  await waitFor(
    async () => {
      processes.forEach(assertRunning);
      const nodes = await client.resource({ group: '', version: 'v1', resource: 'nodes' }).list();
      const alive = new Set((await leases.list()).items.filter(isFresh).map((lease) => lease.metadata.name));
      const ready = new Set(nodes.items.filter(isReady).map((node) => node.metadata.name));
      return names.every((name) => ready.has(name) && alive.has(name));
    },
    { what: `nodes to be Ready: ${names.join(', ')}`, timeoutMs, intervalMs: 200 },
  );
  return names;
}

function isFresh(lease: KubeObject): boolean {
  const { renewTime } = (lease.spec ?? {}) as { renewTime?: string };
  return renewTime !== undefined && Date.now() - Date.parse(renewTime) < leaseHoldsMs;
}

export function isReady(node: KubeObject): boolean {
  const status = node.status as NodeStatus | undefined;
  return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

/** Waits until cluster DNS answers at its cluster IP, as it does for a pod. */
export async function waitDnsReady(config: ClusterConfig, timeoutMs = 180_000): Promise<string> {
  const name = `kubernetes.default.svc.${config.clusterDomain}`;
  await waitFor(
    async () => {
      // A resolver that was refused once keeps the failed socket: each round takes a new one.
      const resolver = new Resolver({ timeout: 1000, tries: 1 });
      resolver.setServers([config.clusterDns]);
      try {
        return (await resolver.resolve4(name)).length > 0;
      } catch {
        return false;
      }
    },
    { what: `cluster DNS at ${config.clusterDns} to know ${name}`, timeoutMs, intervalMs: 100 },
  );
  return 'cluster DNS answers';
}
