import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@kubelab/component-base';
import { type CriClient, isNotFound } from '@kubelab/cri';
import { containerNameLabel, podUidLabel } from '../runtime/labels.js';
import { podLogDirName } from '../volumes/paths.js';

export interface ContainerGcOptions {
  cri: CriClient;
  logger: Logger;
  podLogsDir: string;
  /** Dead incarnations kept of each container, for logs of the previous one; --maximum-dead-containers-per-container. */
  maxDeadPerContainer: number;
  /** The pod is known; its worker removes the rest when it goes. */
  isKnown(uid: string): boolean;
}

async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Removes dead containers and sandboxes, and logs of pods that are gone. */
export class ContainerGc {
  constructor(private readonly options: ContainerGcOptions) {}

  /** Removes all that is left of a pod in the runtime, and its logs. Its containers must have been stopped. */
  async removePod(namespace: string, name: string, uid: string): Promise<void> {
    const { cri, podLogsDir } = this.options;
    const selector = { label_selector: { [podUidLabel]: uid } };
    const { containers } = await cri.listContainers({ filter: selector });
    await Promise.all(containers.map((item) => ignoreMissing(cri.removeContainer({ container_id: item.id }))));
    const { items } = await cri.listPodSandbox({ filter: selector });
    for (const item of items) {
      await ignoreMissing(cri.stopPodSandbox({ pod_sandbox_id: item.id }));
      await ignoreMissing(cri.removePodSandbox({ pod_sandbox_id: item.id }));
    }
    await rm(join(podLogsDir, podLogDirName(namespace, name, uid)), { recursive: true, force: true });
  }

  /** A round over everything: old incarnations, spare sandboxes, log folders without a pod. */
  async collect(): Promise<void> {
    await this.collectContainers();
    await this.collectSandboxes();
    await this.collectLogs();
  }

  private async collectContainers(): Promise<void> {
    const { cri, maxDeadPerContainer, isKnown } = this.options;
    const { containers } = await cri.listContainers({ filter: { state: { state: 'CONTAINER_EXITED' } } });
    const groups = new Map<string, typeof containers>();
    for (const item of containers) {
      const key = `${item.labels[podUidLabel]}/${item.labels[containerNameLabel]}`;
      groups.set(key, [...(groups.get(key) ?? []), item]);
    }
    for (const [key, group] of groups) {
      const uid = key.split('/')[0] ?? '';
      if (!isKnown(uid)) continue;
      const old = group.sort((a, b) => b.created_at - a.created_at).slice(maxDeadPerContainer);
      for (const item of old) await ignoreMissing(cri.removeContainer({ container_id: item.id }));
    }
  }

  private async collectSandboxes(): Promise<void> {
    const { cri, isKnown } = this.options;
    const [{ items }, { containers }] = await Promise.all([cri.listPodSandbox({}), cri.listContainers({})]);
    const used = new Set(containers.map((item) => item.pod_sandbox_id));
    const newest = new Map<string, (typeof items)[number]>();
    for (const item of items) {
      const uid = item.labels[podUidLabel] ?? '';
      const other = newest.get(uid);
      if (!other || item.created_at > other.created_at) newest.set(uid, item);
    }
    for (const item of items) {
      const uid = item.labels[podUidLabel] ?? '';
      if (item.state === 'SANDBOX_READY' || used.has(item.id) || !isKnown(uid)) continue;
      if (newest.get(uid) === item) continue;
      await ignoreMissing(cri.removePodSandbox({ pod_sandbox_id: item.id }));
    }
  }

  private async collectLogs(): Promise<void> {
    const { podLogsDir, isKnown } = this.options;
    const names = await readdir(podLogsDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) {
      const uid = name.split('_')[2];
      if (uid && !isKnown(uid)) await rm(join(podLogsDir, name), { recursive: true, force: true });
    }
  }
}
