import type { V1Pod } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import type { RuntimeOverview } from '../runtime/reader.js';
import type { StatusManager } from '../status/manager.js';
import type { WorkerContext } from '../worker/context.js';
import { PodWorker } from '../worker/pod-worker.js';
import { isMirrorPod, isPod, isStaticPod, type Pod, podFullName } from './types.js';

export interface PodManagerOptions {
  context(): WorkerContext;
  statuses: StatusManager;
  logger: Logger;
  /** A static pod's mirror is missing, or is not wanted any more. */
  onMirrorChange(fullName: string): void;
}

/** All pods of the node from all sources, and a worker for each. */
export class PodManager {
  private readonly workers = new Map<string, PodWorker>();
  private readonly mirrors = new Map<string, Pod>();
  private readonly statics = new Map<string, Pod>();
  /** Static pods that wait for a former pod of the same name to end. */
  private readonly waiting = new Map<string, Pod>();

  constructor(private readonly options: PodManagerOptions) {}

  /** Pods with a worker; mirror pods are not among them. */
  pods(): Pod[] {
    return [...this.workers.values()].map((worker) => worker.pod);
  }

  worker(uid: string): PodWorker | undefined {
    return this.workers.get(uid);
  }

  allWorkers(): PodWorker[] {
    return [...this.workers.values()];
  }

  /** Pods that may use the node's resources now. */
  admitted(): Pod[] {
    return this.allWorkers()
      .filter((worker) => worker.isAdmitted)
      .map((worker) => worker.pod);
  }

  staticPod(fullName: string): Pod | undefined {
    return this.statics.get(fullName);
  }

  /** namespace/name of all static pods. */
  staticNames(): string[] {
    return [...this.statics.keys()];
  }

  mirror(fullName: string): Pod | undefined {
    return this.mirrors.get(fullName);
  }

  find(namespace: string, name: string, uid?: string): Pod | undefined {
    for (const { pod } of this.workers.values()) {
      if (pod.metadata.namespace !== namespace || pod.metadata.name !== name) continue;
      if (uid && pod.metadata.uid !== uid && this.mirrors.get(podFullName(pod))?.metadata.uid !== uid) continue;
      return pod;
    }
    return undefined;
  }

  isKnown(uid: string): boolean {
    return this.workers.has(uid);
  }

  /** The API object of a pod: itself, or its mirror. */
  apiPod(pod: Pod): Pod | undefined {
    return isStaticPod(pod) ? this.mirrors.get(podFullName(pod)) : pod;
  }

  kick(uid: string): void {
    this.workers.get(uid)?.kick();
  }

  kickAll(): void {
    for (const worker of this.workers.values()) worker.kick();
  }

  /** A pod of the API server bound to this node was added or changed. */
  setApiPod(pod: V1Pod): void {
    if (!isPod(pod)) {
      this.options.logger.warn('Pod without name, UID or spec is ignored', { pod: pod.metadata?.name });
      return;
    }
    if (isMirrorPod(pod)) {
      const name = podFullName(pod);
      this.mirrors.set(name, pod);
      const original = this.statics.get(name);
      if (original) this.options.statuses.observe(original.metadata.uid, pod);
      this.options.onMirrorChange(name);
      return;
    }
    this.set(pod);
    this.options.statuses.observe(pod.metadata.uid, pod);
  }

  removeApiPod(pod: V1Pod): void {
    if (!isPod(pod)) return;
    if (isMirrorPod(pod)) {
      const name = podFullName(pod);
      if (this.mirrors.get(name)?.metadata.uid === pod.metadata.uid) this.mirrors.delete(name);
      this.options.onMirrorChange(name);
      return;
    }
    this.workers.get(pod.metadata.uid)?.remove();
  }

  setStaticPod(pod: Pod): void {
    const name = podFullName(pod);
    const before = this.statics.get(name);
    this.statics.set(name, pod);
    if (before && before.metadata.uid !== pod.metadata.uid) this.workers.get(before.metadata.uid)?.remove();
    const former = [...this.workers.values()].some(
      (worker) => podFullName(worker.pod) === name && worker.pod.metadata.uid !== pod.metadata.uid,
    );
    if (former) this.waiting.set(name, pod);
    else this.set(pod);
    this.options.onMirrorChange(name);
  }

  removeStaticPod(pod: Pod): void {
    const name = podFullName(pod);
    if (this.statics.get(name)?.metadata.uid === pod.metadata.uid) this.statics.delete(name);
    this.waiting.delete(name);
    this.workers.get(pod.metadata.uid)?.remove();
    this.options.onMirrorChange(name);
  }

  /** Stops what runs though no source knows it: left over from before the agent's start, or deleted meanwhile. */
  removeOrphans(overview: RuntimeOverview): void {
    for (const [uid, entry] of overview.pods) {
      if (this.workers.has(uid)) continue;
      const { name, namespace } = entry;
      this.options.logger.info('Removing a pod that no source knows', { pod: `${namespace}/${name}`, uid });
      const pod: Pod = { metadata: { name, namespace, uid }, spec: { containers: [] } };
      const worker = new PodWorker(this.options.context(), pod, true);
      this.workers.set(uid, worker);
      worker.kick();
    }
  }

  /** Called by a worker that has nothing left to do. */
  done(uid: string): void {
    const worker = this.workers.get(uid);
    this.workers.delete(uid);
    if (!worker) return;
    const name = podFullName(worker.pod);
    const next = this.waiting.get(name);
    if (next) {
      this.waiting.delete(name);
      this.set(next);
    }
    if (isStaticPod(worker.pod)) this.options.onMirrorChange(name);
  }

  async close(): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.close()));
  }

  private set(pod: Pod): void {
    const { uid } = pod.metadata;
    const known = this.workers.get(uid);
    if (known) {
      known.update(pod);
      return;
    }
    const worker = new PodWorker(this.options.context(), pod);
    this.workers.set(uid, worker);
    // A pod that is being deleted already starts at its end.
    worker.update(pod);
  }
}
