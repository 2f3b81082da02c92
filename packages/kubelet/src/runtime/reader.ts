import { type CriClient, isNotFound } from '@kubelab/cri';
import { toContainer, toSandbox } from './convert.js';
import { podNameLabel, podNamespaceLabel, podUidLabel } from './labels.js';
import { terminationMessage } from './termination-message.js';
import type { PodRuntimeState, RuntimeContainer, RuntimeSandbox } from './types.js';

/** Who is in the runtime, without details: what a relist compares. */
export interface RuntimeOverview {
  /** By pod UID: name, namespace and a text that changes with every state change. */
  pods: Map<string, { name: string; namespace: string; signature: string; running: boolean }>;
}

/** Reads pods from the runtime. Exited containers never change, so they are read once. */
export class RuntimeReader {
  private readonly exited = new Map<string, RuntimeContainer>();

  constructor(private readonly cri: CriClient) {}

  /** Everything the runtime has of one pod, newest first. */
  async podState(uid: string, name: string, namespace: string): Promise<PodRuntimeState> {
    const selector = { label_selector: { [podUidLabel]: uid } };
    const [sandboxes, containers] = await Promise.all([
      this.cri.listPodSandbox({ filter: selector }),
      this.cri.listContainers({ filter: selector }),
    ]);
    const [sandboxStates, containerStates] = await Promise.all([
      Promise.all(sandboxes.items.map((item) => this.sandbox(item.id))),
      Promise.all(containers.containers.map((item) => this.container(item.id, item.pod_sandbox_id))),
    ]);
    return {
      uid,
      name,
      namespace,
      sandboxes: sandboxStates.flatMap((item) => item ?? []).sort(newestSandbox),
      containers: containerStates.flatMap((item) => item ?? []).sort((a, b) => b.createdAt - a.createdAt),
    };
  }

  private async sandbox(id: string): Promise<RuntimeSandbox | undefined> {
    try {
      const { status } = await this.cri.podSandboxStatus({ pod_sandbox_id: id });
      return status ? toSandbox(status) : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  private async container(id: string, sandboxId: string): Promise<RuntimeContainer | undefined> {
    const known = this.exited.get(id);
    if (known) return known;
    try {
      const { status } = await this.cri.containerStatus({ container_id: id });
      if (!status) return undefined;
      const container = toContainer(status, sandboxId);
      if (container.state === 'exited') {
        const message = await terminationMessage(container);
        if (message) container.message = message;
        this.exited.set(id, container);
      }
      return container;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Lists all pods in two calls. */
  async overview(): Promise<RuntimeOverview> {
    const [sandboxes, containers] = await Promise.all([this.cri.listPodSandbox({}), this.cri.listContainers({})]);
    const pods: RuntimeOverview['pods'] = new Map();
    const parts = new Map<string, string[]>();
    const add = (labels: Record<string, string>, part: string, running: boolean) => {
      const uid = labels[podUidLabel];
      if (!uid) return;
      const entry = pods.get(uid);
      if (entry) entry.running ||= running;
      else
        pods.set(uid, {
          name: labels[podNameLabel] ?? '',
          namespace: labels[podNamespaceLabel] ?? '',
          signature: '',
          running,
        });
      const list = parts.get(uid) ?? [];
      list.push(part);
      parts.set(uid, list);
    };
    for (const item of sandboxes.items) add(item.labels, `${item.id}=${item.state}`, item.state === 'SANDBOX_READY');
    for (const item of containers.containers) {
      add(item.labels, `${item.id}=${item.state}`, item.state === 'CONTAINER_RUNNING');
    }
    for (const [uid, list] of parts) {
      const entry = pods.get(uid);
      if (entry) entry.signature = list.sort().join(',');
    }
    const alive = new Set(containers.containers.map((item) => item.id));
    for (const id of this.exited.keys()) if (!alive.has(id)) this.exited.delete(id);
    return { pods };
  }
}

function newestSandbox(a: RuntimeSandbox, b: RuntimeSandbox): number {
  return b.createdAt - a.createdAt || b.attempt - a.attempt;
}
