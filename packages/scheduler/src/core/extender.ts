import type { V1Pod } from '@kubelab/api';
import { Client } from '@kubelab/client';
import type { ExtenderConfig } from '../config/types.js';
import type { Extender } from '../framework/handle.js';

interface FilterResult {
  NodeNames?: string[];
  nodenames?: string[];
  nodes?: { items?: { metadata: { name: string } }[] };
  failedNodes?: Record<string, string>;
  failedAndUnresolvableNodes?: Record<string, string>;
  error?: string;
}

/** An extender over HTTP (kube-scheduler extender API v1). Node names are sent, not nodes (nodeCacheCapable). */
export class HttpExtender implements Extender {
  readonly name: string;
  readonly ignorable: boolean;
  readonly weight: number;
  readonly isBinder: boolean;
  readonly supportsPreemption: boolean;
  private readonly client: Client;
  private readonly managed: Set<string>;

  constructor(private readonly config: ExtenderConfig) {
    if (!config.nodeCacheCapable) {
      throw new Error(`extender ${config.urlPrefix}: only extenders with nodeCacheCapable: true are supported`);
    }
    if (config.preemptVerb) throw new Error(`extender ${config.urlPrefix}: preemptVerb is not supported`);
    this.name = config.urlPrefix;
    this.ignorable = config.ignorable ?? false;
    this.weight = config.weight ?? 1;
    this.isBinder = Boolean(config.bindVerb);
    this.supportsPreemption = false;
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

  async filter(pod: V1Pod, nodeNames: string[]): ReturnType<Extender['filter']> {
    if (!this.config.filterVerb) return { fit: new Set(nodeNames), failed: new Map(), failedForGood: new Map() };
    const result = await this.post<FilterResult>(this.config.filterVerb, { Pod: pod, NodeNames: nodeNames });
    if (result.error) throw new Error(`extender ${this.name}: ${result.error}`);
    const named = result.NodeNames ?? result.nodenames ?? result.nodes?.items?.map((n) => n.metadata.name) ?? [];
    return {
      fit: new Set(named),
      failed: new Map(Object.entries(result.failedNodes ?? {})),
      failedForGood: new Map(Object.entries(result.failedAndUnresolvableNodes ?? {})),
    };
  }

  async prioritize(pod: V1Pod, nodeNames: string[]): Promise<Map<string, number>> {
    if (!this.config.prioritizeVerb) return new Map();
    const scores = await this.post<{ Host?: string; host?: string; Score?: number; score?: number }[]>(
      this.config.prioritizeVerb,
      { Pod: pod, NodeNames: nodeNames },
    );
    return new Map(scores.map((s) => [s.Host ?? s.host ?? '', s.Score ?? s.score ?? 0]));
  }

  async bind(pod: V1Pod, nodeName: string): Promise<void> {
    const { name, namespace, uid } = pod.metadata ?? {};
    const body = { PodName: name, PodNamespace: namespace, PodUID: uid, Node: nodeName };
    const result = await this.post<{ Error?: string; error?: string }>(this.config.bindVerb ?? '', body);
    const error = result.Error ?? result.error;
    if (error) throw new Error(`extender ${this.name}: ${error}`);
  }

  private post<T>(verb: string, body: unknown): Promise<T> {
    return this.client.request<T>('POST', `/${verb}`, { body });
  }
}
