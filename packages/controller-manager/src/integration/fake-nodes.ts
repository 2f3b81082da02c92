import type { V1Lease, V1Node, V1Pod, V1PodStatus } from '@kubelab/api';
import { isConflict, isInvalid, isNotFound, nowMicro, nowSecond, StatusError } from '@kubelab/apimachinery';
import { type Client, ConnectionError, delay, gvr, InformerFactory } from '@kubelab/client';
import { nodeOf } from '../daemonset/placement.js';
import type { Pod } from '../framework/kinds.js';

/** On a pod: the exit code that its container ends with at once, instead of running on. */
export const exitCodeAnnotation = 'test.kubelab.io/exit-code';
/** On a pod: stays not ready. */
export const notReadyAnnotation = 'test.kubelab.io/not-ready';

/** Nodes without machines: they bind pods, report them as running, or ended, and let deleted ones go. */
export class FakeNodes {
  private readonly silent = new Set<string>();
  /** Pods whose last write failed, for the next beat. */
  private readonly missed = new Set<string>();
  private lookAgain: () => void = () => undefined;
  private nextIp = 1;
  private turn = 0;

  constructor(
    private readonly client: Client,
    private readonly names: string[],
  ) {}

  async start(signal: AbortSignal): Promise<void> {
    for (const name of this.names) await this.register(name);
    const factory = new InformerFactory(this.client);
    const pods = factory.informer<Pod>(gvr.pods);
    const handle = (pod: Pod): void => {
      this.sync(pod).catch((error) => {
        if (isNotFound(error) || isConflict(error) || isInvalid(error) || signal.aborted) return;
        this.missed.add(`${pod.metadata.namespace}/${pod.metadata.name}`);
      });
    };
    pods.addEventHandler({ add: handle, update: (_, pod) => handle(pod) });
    this.lookAgain = () => {
      const keys = [...this.missed];
      this.missed.clear();
      for (const key of keys) {
        const pod = pods.lister.getByKey(key);
        if (pod) handle(pod);
      }
    };
    factory.start(signal);
    await factory.waitForSync(signal);
    void this.heartbeats(signal);
  }

  /** The node stops to give signs of life, as if its machine were off. */
  silence(name: string): void {
    this.silent.add(name);
  }

  wake(name: string): void {
    this.silent.delete(name);
  }

  private async register(name: string): Promise<void> {
    const now = nowSecond();
    const nodes = this.client.resource<V1Node>(gvr.nodes);
    const node = await nodes.create({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name } },
      spec: {},
    });
    await nodes.updateStatus({
      ...node,
      status: {
        capacity: { cpu: '8', memory: '16Gi', pods: '110' },
        allocatable: { cpu: '8', memory: '16Gi', pods: '110' },
        conditions: [
          { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: now, lastTransitionTime: now },
        ],
      },
    });
  }

  private async heartbeats(signal: AbortSignal): Promise<void> {
    const leases = this.client.resource<V1Lease>(gvr.leases).namespace('kube-node-lease');
    for (const name of this.names) {
      await leases.create({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: 'kube-node-lease' },
        spec: { holderIdentity: name, renewTime: nowMicro() },
      });
    }
    while (!signal.aborted) {
      await delay(500, signal);
      this.lookAgain();
      for (const name of this.names) {
        if (this.silent.has(name) || signal.aborted) continue;
        try {
          await leases.patch(name, { spec: { renewTime: nowMicro() } }, { type: 'merge' });
          await this.reportReady(name);
        } catch (error) {
          // As a kubelet does: the API server may be away for a while, the next beat tries again.
          if (!(error instanceof ConnectionError) && !(error instanceof StatusError) && !signal.aborted) throw error;
        }
      }
    }
  }

  /** What the lifecycle controller marked while the node was silent is put right when it is back. */
  private async reportReady(name: string): Promise<void> {
    const nodes = this.client.resource<V1Node>(gvr.nodes);
    const node = await nodes.get(name);
    if (node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return;
    const now = nowSecond();
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'KubeletReady',
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    };
    await nodes.updateStatus({ ...node, status: { ...node.status, conditions: [ready] } });
    const pods = this.client.resource<V1Pod>(gvr.pods);
    for (const pod of (await pods.list({ fieldSelector: `spec.nodeName=${name}` })).items)
      await this.sync(pod as Pod, true);
  }

  private async sync(pod: Pod, again = false): Promise<void> {
    const { namespace, name } = pod.metadata;
    const pods = this.client.resource<V1Pod>(gvr.pods).namespace(namespace);
    if (!pod.spec.nodeName) {
      if (pod.metadata.deletionTimestamp || pod.spec.schedulingGates?.length) return;
      const node = nodeOf(pod) || this.names[this.turn++ % this.names.length];
      const binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace },
        target: { kind: 'Node', name: node },
      };
      await pods.subresource(name, 'binding', 'POST', binding);
      return;
    }
    if (this.silent.has(pod.spec.nodeName) || !this.names.includes(pod.spec.nodeName)) return;
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (pod.metadata.deletionTimestamp) {
      if (!ended) await pods.updateStatus({ ...pod, status: endedStatus(pod, 143) });
      else await pods.delete(name, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } });
      return;
    }
    if (ended) return;
    const exitCode = pod.metadata.annotations?.[exitCodeAnnotation];
    if (exitCode !== undefined) {
      await pods.updateStatus({ ...pod, status: endedStatus(pod, Number(exitCode)) });
    } else if (pod.status?.phase !== 'Running' || again) {
      await pods.updateStatus({ ...pod, status: this.runningStatus(pod) });
    }
  }

  private runningStatus(pod: Pod): V1PodStatus {
    const ready = pod.metadata.annotations?.[notReadyAnnotation] === undefined;
    const ip = `10.200.${Math.floor(this.nextIp / 250)}.${(this.nextIp++ % 250) + 1}`;
    const now = nowSecond();
    const status = ready ? 'True' : 'False';
    return {
      ...pod.status,
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      startTime: now,
      conditions: [
        { type: 'Ready', status, lastTransitionTime: now },
        { type: 'ContainersReady', status, lastTransitionTime: now },
      ],
      containerStatuses: pod.spec.containers.map(({ name, image }) => ({
        name,
        image: image ?? '',
        imageID: '',
        ready,
        restartCount: 0,
        state: { running: { startedAt: now } },
      })),
    };
  }
}

function endedStatus(pod: Pod, exitCode: number): V1PodStatus {
  const now = nowSecond();
  return {
    ...pod.status,
    phase: exitCode === 0 ? 'Succeeded' : 'Failed',
    startTime: pod.status?.startTime ?? now,
    conditions: [{ type: 'Ready', status: 'False', reason: 'PodCompleted', lastTransitionTime: now }],
    containerStatuses: pod.spec.containers.map(({ name, image }) => ({
      name,
      image: image ?? '',
      imageID: '',
      ready: false,
      restartCount: 0,
      state: { terminated: { exitCode, finishedAt: now, startedAt: now } },
    })),
  };
}
