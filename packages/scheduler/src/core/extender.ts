import type { V1Node, V1Pod } from '@kubelab/api';
import { Client } from '@kubelab/client';
import type { ExtenderConfig } from '../config/types.js';
import type { Extender, PreemptionCandidate } from '../framework/handle.js';
import type { NodeInfo } from '../framework/node-info.js';

/** An extender over HTTP (kube-scheduler extender API v1). With nodeCacheCapable it is sent node names, else nodes. */
export class HttpExtender implements Extender {
  readonly name: string;
  readonly ignorable: boolean;
  readonly weight: number;
  readonly isBinder: boolean;
  readonly supportsPreemption: boolean;
  private readonly client: Client;
  private readonly managed: Set<string>;

  constructor(private readonly config: ExtenderConfig) {
    this.name = config.urlPrefix;
    this.ignorable = config.ignorable ?? false;
    this.weight = config.weight ?? 1;
    this.isBinder = Boolean(config.bindVerb);
    this.supportsPreemption = Boolean(config.preemptVerb);
    this.managed = new Set((config.managedResources ?? []).map((r) => r.name));
    this.client = new Client({
      server: config.urlPrefix.replace(/\/+$/, ''),
      caFile: config.tlsConfig?.caFile,
      certFile: config.tlsConfig?.certFile,
      keyFile: config.tlsConfig?.keyFile,
      insecureSkipTlsVerify: config.tlsConfig?.insecure,
      timeoutMs: config.httpTimeoutMs,
    });
  }

  interested(pod: V1Pod): boolean {
    if (this.managed.size === 0) return true;
    return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some((c) =>
      Object.keys({ ...c.resources?.requests, ...c.resources?.limits }).some((name) => this.managed.has(name)),
    );
  }

  async filter(pod: V1Pod, nodes: readonly NodeInfo[]): ReturnType<Extender['filter']> {
    if (!this.config.filterVerb) {
      return { fit: new Set(nodes.map((n) => n.name)), failed: new Map(), failedForGood: new Map() };
    }
    const result = await this.post(this.config.filterVerb, { Pod: pod, ...this.describe(nodes) });
    const list = read<{ items?: V1Node[] }>(result, 'nodes')?.items?.map((n) => n.metadata?.name ?? '');
    const fit = read<string[]>(result, 'nodenames') ?? list ?? [];
    const reasons = (field: string): Map<string, string> =>
      new Map(Object.entries(read<Record<string, string>>(result, field) ?? {}));
    return { fit: new Set(fit), failed: reasons('failednodes'), failedForGood: reasons('failedandunresolvablenodes') };
  }

  async prioritize(pod: V1Pod, nodes: readonly NodeInfo[]): Promise<Map<string, number>> {
    if (!this.config.prioritizeVerb) return new Map();
    const scores = await this.post(this.config.prioritizeVerb, { Pod: pod, ...this.describe(nodes) });
    const list = Array.isArray(scores) ? (scores as object[]) : [];
    return new Map(list.map((s) => [read<string>(s, 'host') ?? '', read<number>(s, 'score') ?? 0]));
  }

  async preempt(pod: V1Pod, candidates: readonly PreemptionCandidate[]): Promise<Map<string, string[]>> {
    const victims = Object.fromEntries(
      candidates.map((c) => [
        c.nodeName,
        {
          Pods: c.victims.map((v) => (this.config.nodeCacheCapable ? { UID: v.uid } : v.pod)),
          NumPDBViolations: c.violations,
        },
      ]),
    );
    const field = this.config.nodeCacheCapable ? 'NodeNameToMetaVictims' : 'NodeNameToVictims';
    const result = await this.post(this.config.preemptVerb ?? '', { Pod: pod, [field]: victims });
    const left = read<Record<string, object | null>>(result, 'nodenametometavictims') ?? {};
    return new Map(
      Object.entries(left).map(([node, v]) => [
        node,
        (read<object[]>(v ?? {}, 'pods') ?? []).map((p) => read<string>(p, 'uid') ?? ''),
      ]),
    );
  }

  async bind(pod: V1Pod, nodeName: string): Promise<void> {
    const { name, namespace, uid } = pod.metadata ?? {};
    const body = { PodName: name, PodNamespace: namespace, PodUID: uid, Node: nodeName };
    await this.post(this.config.bindVerb ?? '', body);
  }

  private describe(nodes: readonly NodeInfo[]): object {
    if (this.config.nodeCacheCapable) return { NodeNames: nodes.map((n) => n.name) };
    return { Nodes: { metadata: {}, items: nodes.map((n) => n.node) } };
  }

  /** Rejects also when the answer says that something went wrong. */
  private async post(verb: string, body: unknown): Promise<object> {
    const result = await this.client.request<object>('POST', `/${verb}`, { body });
    const error = read<string>(result, 'error');
    if (error) throw new Error(`extender ${this.name}: ${error}`);
    return result;
  }
}

/** A field by its name in lower case: extenders in Go write them as `NodeNames`, others as `nodeNames` or `nodenames`. */
function read<T>(object: object, name: string): T | undefined {
  for (const [key, value] of Object.entries(object)) {
    if (key.toLowerCase() === name) return (value ?? undefined) as T | undefined;
  }
  return undefined;
}
