import type { V1Node, V1Pod } from '@kubelab/api';
import { TestApiServer } from '@kubelab/apiserver/testing';
import { type ApiObject, Client, type Gvr, gvr, loadKubeconfig, waitFor } from '@kubelab/client';
import { ServiceProcess } from './process.js';

const timeoutMs = 180_000;

/** An API server, controllers if wanted, and nodes that exist only as objects. */
export class TestCluster {
  private readonly processes: ServiceProcess[] = [];

  private constructor(
    readonly api: TestApiServer,
    readonly client: Client,
  ) {}

  static async start(): Promise<TestCluster> {
    const api = await TestApiServer.start();
    const client = new Client(loadKubeconfig(api.kubeconfigPath));
    // Pods need it; in a real cluster a controller makes it.
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await client.resource(gvr.serviceaccounts).namespace('default').create(account);
    return new TestCluster(api, client);
  }

  get pods() {
    return this.client.resource<V1Pod>(gvr.pods).namespace('default');
  }

  /** Starts a process as the user it has in a real cluster; ended by stop(). */
  async run(name: 'scheduler' | 'controller-manager', flags: string[] = [], server?: string): Promise<ServiceProcess> {
    const kubeconfig = await this.api.kubeconfigOf(`system:kube-${name}`, [], server);
    const child = new ServiceProcess(name, [`--kubeconfig=${kubeconfig}`, '--secure-port=0', ...flags]);
    this.processes.push(child);
    return child;
  }

  /** Starts a process that is an addon, as a user given by name (a service account's, say); ended by stop(). */
  async runAs(user: string, name: string, flags: string[] = []): Promise<ServiceProcess> {
    const child = new ServiceProcess(name, [`--kubeconfig=${await this.api.kubeconfigOf(user)}`, ...flags]);
    this.processes.push(child);
    return child;
  }

  async addNode(name: string, o: { allocatable?: Record<string, string>; labels?: Record<string, string> } = {}) {
    const allocatable = { cpu: '4', memory: '8Gi', pods: '110', ...o.allocatable };
    const labels = { 'kubernetes.io/hostname': name, ...o.labels };
    const nodes = this.client.resource<V1Node>(gvr.nodes);
    await nodes.create({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }];
    // In one write with the capacity the taint of a new node goes too, as a node agent and the controllers would do it.
    await nodes.patch(
      name,
      { status: { allocatable, capacity: allocatable, conditions } },
      { type: 'merge', subresource: 'status' },
    );
    await nodes.patch(name, { spec: { taints: [] } }, { type: 'merge' });
  }

  async addPod(
    name: string,
    spec: Partial<NonNullable<V1Pod['spec']>> = {},
    cpu?: string,
    labels?: Record<string, string>,
  ) {
    const resources = cpu === undefined ? undefined : { requests: { cpu } };
    return this.pods.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', labels },
      spec: { containers: [{ name: 'main', image: 'test', resources }], ...spec },
    });
  }

  create<T extends ApiObject>(resource: Gvr, object: T, namespace?: string): Promise<T> {
    const r = this.client.resource<T>(resource);
    return (namespace === undefined ? r : r.namespace(namespace)).create(object);
  }

  /** Waits until the pod satisfies the condition, and returns it. */
  podWith(name: string, what: string, condition: (pod: V1Pod) => boolean): Promise<V1Pod> {
    return waitFor(
      `pod ${name} ${what}`,
      async () => {
        const pod = await this.pods.get(name);
        return condition(pod) ? pod : undefined;
      },
      { timeoutMs },
    );
  }

  async nodeOf(name: string): Promise<string> {
    const pod = await this.podWith(name, 'to be scheduled', (p) => Boolean(p.spec?.nodeName));
    return pod.spec?.nodeName ?? '';
  }

  /** Waits until FailedScheduling's condition has a message that matches. */
  async notScheduled(name: string, message: RegExp): Promise<V1Pod> {
    return this.podWith(name, `to be refused: ${message}`, (p) =>
      Boolean(p.status?.conditions?.some((c) => c.type === 'PodScheduled' && message.test(c.message ?? ''))),
    );
  }

  /** Waits for an event of an object, and returns its message. */
  eventOf(name: string, reason: string): Promise<string> {
    type Event = ApiObject & { message?: string };
    return waitFor(
      `event ${reason} of ${name}`,
      async () => {
        const fieldSelector = `involvedObject.name=${name},reason=${reason}`;
        const { items } = await this.client.resource<Event>(gvr.events).namespace('default').list({ fieldSelector });
        return items[0]?.message;
      },
      { timeoutMs },
    );
  }

  async stop(): Promise<void> {
    this.client.close();
    await Promise.all(this.processes.map((p) => p.end('SIGKILL')));
    await this.api.remove();
  }
}
