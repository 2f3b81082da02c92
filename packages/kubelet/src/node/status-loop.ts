import type { V1Node, V1NodeCondition, V1NodeStatus } from '@kubelab/api';
import { deepEqual, isNotFound } from '@kubelab/apimachinery';
import { type Client, gvr } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import { sleep } from '../lifecycle/hooks.js';

export interface StatusLoopOptions {
  client: Client;
  logger: Logger;
  nodeName: string;
  /** How often the status is computed; --node-status-update-frequency. */
  updateMs: number;
  /** How often it is written though nothing has changed; --node-status-report-frequency. */
  reportMs: number;
  compute(previous: V1NodeCondition[]): Promise<V1NodeStatus>;
  /** The node was deleted: it is registered anew. */
  register(status: V1NodeStatus, signal: AbortSignal): Promise<V1Node>;
  onNode(node: V1Node): void;
  onConditionChange(type: string, status: string, reason: string): void;
}

/** Writes the node's status: when it changes, and once in a while. Woken early by poke(). */
export class NodeStatusLoop {
  private wake: (() => void) | undefined;
  private lastWritten = 0;
  private last: V1NodeStatus | undefined;
  private writtenVersion = 0;

  constructor(private readonly options: StatusLoopOptions) {}

  /** Something the status shows has changed: look now. */
  poke(): void {
    this.wake?.();
  }

  /** The node as the API has it: conditions that others have changed, as for a node not heard of, are set right. */
  observe(node: V1Node): void {
    if (!this.last || Number(node.metadata?.resourceVersion ?? 0) <= this.writtenVersion) return;
    if (deepEqual(comparable(node.status ?? {}).conditions, comparable(this.last).conditions)) return;
    this.lastWritten = 0;
    this.poke();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.update(signal);
      } catch (error) {
        if (!signal.aborted) this.options.logger.warn('Node status could not be written', { error });
      }
      const nap = new AbortController();
      const stop = () => nap.abort();
      this.wake = stop;
      signal.addEventListener('abort', stop, { once: true });
      await sleep(this.options.updateMs, nap.signal);
      signal.removeEventListener('abort', stop);
      this.wake = undefined;
    }
  }

  private async update(signal: AbortSignal): Promise<void> {
    const { client, nodeName, compute, reportMs } = this.options;
    const nodes = client.resource<V1Node>(gvr.nodes);
    // Others write into the node too (extended resources, conditions): what they wrote counts.
    const current = await nodes.get(nodeName, { resourceVersion: '0' }).catch(ignoreNotFound);
    if (current) this.options.onNode(current);
    const status = await compute(this.last?.conditions ?? []);
    const due = Date.now() - this.lastWritten >= reportMs;
    const same = this.last && deepEqual(comparable(this.last), comparable(status));
    if (current && !due && same) return;
    const patch = statusPatch(status, current?.status);
    let node: V1Node;
    try {
      node = await nodes.patch(nodeName, patch, { type: 'strategic', subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      node = await this.options.register(status, signal);
    }
    this.report(status);
    this.lastWritten = Date.now();
    this.writtenVersion = Number(node.metadata?.resourceVersion ?? 0);
    this.last = { ...status, conditions: node.status?.conditions ?? status.conditions };
    this.options.onNode(node);
  }

  private report(status: V1NodeStatus): void {
    for (const condition of ownConditions(status)) {
      const before = this.last?.conditions?.find((other) => other.type === condition.type);
      if (before?.status === condition.status) continue;
      this.options.onConditionChange(condition.type, condition.status, condition.reason ?? '');
    }
  }
}

function ignoreNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** What is sent of a status: a strategic merge patch of the parts that are the kubelet's own. */
export function statusPatch(status: V1NodeStatus, old: V1NodeStatus | undefined): object {
  const allocatable = { ...status.allocatable, ...amountsGone(old?.allocatable, status.allocatable) };
  // Addresses are merged by their type, of which there may be one of each family: the list is replaced as a whole.
  const addresses = [...(status.addresses ?? []), { $patch: 'replace' }];
  return { status: { ...status, allocatable, addresses, conditions: ownConditions(status) } };
}

/** Nulls, for a patch, of resources that the node has no more. */
function amountsGone(old: Record<string, string> = {}, now: Record<string, string> = {}): Record<string, null> {
  return Object.fromEntries(Object.keys(old).flatMap((name) => (name in now ? [] : [[name, null]])));
}

const ownTypes = new Set(['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready']);

function ownConditions(status: V1NodeStatus): V1NodeCondition[] {
  return (status.conditions ?? []).filter((condition) => ownTypes.has(condition.type));
}

/** Heartbeat times alone are no change. */
function comparable(status: V1NodeStatus) {
  const conditions = ownConditions(status)
    .map(({ lastHeartbeatTime: _time, ...rest }) => rest)
    .sort((a, b) => (a.type < b.type ? -1 : 1));
  return { ...status, conditions };
}
