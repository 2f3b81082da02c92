import type {
  V1CSIDriver,
  V1CSINode,
  V1CSIStorageCapacity,
  V1Namespace,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1ReplicaSet,
  V1ReplicationController,
  V1Service,
  V1StatefulSet,
  V1StorageClass,
} from '@kubelab/api';
import { Client, EventRecorder } from '@kubelab/client';
import { createLogger } from '@kubelab/component-base';
import { Cache } from '../cache/cache.js';
import { defaultProfile } from '../config/defaults.js';
import { selectPlugins } from '../config/plugin-selection.js';
import type { PluginArgs, Profile } from '../config/types.js';
import { FitError } from '../core/fit-error.js';
import { type Choice, NodeSelector } from '../core/select-nodes.js';
import { CycleState } from '../framework/cycle-state.js';
import { Framework } from '../framework/framework.js';
import type { Handle, SchedulerInformers } from '../framework/handle.js';
import type { Plugin } from '../framework/plugin.js';
import { PodInfo } from '../framework/pod-info.js';
import { Status } from '../framework/status.js';
import { WaitingPods } from '../framework/waiting-pods.js';
import { createPlugins } from '../plugins/registry.js';
import { Nominator } from '../queue/nominator.js';
import { FakeInformer } from './fake-informer.js';

type Fakes = {
  [K in keyof SchedulerInformers]: FakeInformer<NonNullable<ReturnType<SchedulerInformers[K]['lister']['get']>>>;
};

export interface World {
  nodes: V1Node[];
  /** Pods with spec.nodeName are on their nodes. */
  pods?: V1Pod[];
  namespaces?: V1Namespace[];
  claims?: V1PersistentVolumeClaim[];
  volumes?: V1PersistentVolume[];
  storageClasses?: V1StorageClass[];
  csiNodes?: V1CSINode[];
  csiDrivers?: V1CSIDriver[];
  storageCapacities?: V1CSIStorageCapacity[];
  services?: V1Service[];
  replicaSets?: V1ReplicaSet[];
  budgets?: V1PodDisruptionBudget[];
  args?: Partial<PluginArgs>;
  profile?: Partial<Profile>;
  /** An API server for plugins that write. */
  server?: string;
}

/** A framework with the default plugins over a world that the test describes; no API server, no queue. */
export class Harness {
  readonly cache = new Cache();
  readonly nominator = new Nominator();
  readonly informers: Fakes;
  readonly plugins: Map<string, Plugin>;
  readonly framework: Framework;
  readonly client: Client;
  readonly recorded: string[] = [];
  readonly stopping = new AbortController();

  constructor(readonly world: World) {
    this.informers = {
      pods: new FakeInformer<V1Pod>(...(world.pods ?? [])),
      namespaces: new FakeInformer<V1Namespace>(...(world.namespaces ?? [])),
      services: new FakeInformer<V1Service>(...(world.services ?? [])),
      replicationControllers: new FakeInformer<V1ReplicationController>(),
      replicaSets: new FakeInformer<V1ReplicaSet>(...(world.replicaSets ?? [])),
      statefulSets: new FakeInformer<V1StatefulSet>(),
      disruptionBudgets: new FakeInformer<V1PodDisruptionBudget>(...(world.budgets ?? [])),
      claims: new FakeInformer<V1PersistentVolumeClaim>(...(world.claims ?? [])),
      volumes: new FakeInformer<V1PersistentVolume>(...(world.volumes ?? [])),
      storageClasses: new FakeInformer<V1StorageClass>(...(world.storageClasses ?? [])),
      csiNodes: new FakeInformer<V1CSINode>(...(world.csiNodes ?? [])),
      csiDrivers: new FakeInformer<V1CSIDriver>(...(world.csiDrivers ?? [])),
      storageCapacities: new FakeInformer<V1CSIStorageCapacity>(...(world.storageCapacities ?? [])),
    };
    for (const node of world.nodes) this.cache.setNode(node);
    for (const pod of world.pods ?? []) {
      if (pod.spec?.nodeName) this.cache.setPod(new PodInfo(pod), pod.spec.nodeName);
      else this.nominator.set(new PodInfo(pod));
    }
    this.client = new Client({ server: world.server ?? 'http://127.0.0.1:1' });
    const profile = { ...defaultProfile(), ...world.profile };
    this.plugins = createPlugins(this.handle(), { ...profile.args, ...world.args });
    this.framework = new Framework('default-scheduler', selectPlugins(profile, this.plugins), new WaitingPods());
  }

  /** One scheduling cycle: the node, or the message of FailedScheduling (without preemption). */
  schedule(pod: V1Pod): string {
    try {
      return (this.select(pod) as Choice).nodeName;
    } catch (error) {
      if (error instanceof FitError) return error.describe();
      throw error;
    }
  }

  /** Like schedule, and the pod is assumed on the node. */
  place(pod: V1Pod): string {
    const choice = this.schedule(pod);
    if (this.cache.updateSnapshot().get(choice)) this.cache.assume(new PodInfo(pod), choice);
    return choice;
  }

  select(pod: V1Pod, state = new CycleState()): Choice | Promise<Choice> {
    const selector = new NodeSelector(this.nominator, [], 100, () => 0.99);
    return selector.select(this.framework, state, new PodInfo(pod), this.cache.updateSnapshot());
  }

  /** Each node's rejection by all filters, '' for a fit. */
  filters(pod: V1Pod): Record<string, string> {
    const state = new CycleState();
    const info = new PodInfo(pod);
    const snapshot = this.cache.updateSnapshot();
    const pre = this.framework.preFilter(state, info, snapshot);
    return Object.fromEntries(
      snapshot.nodes.map((node) => {
        const outside = pre.nodeNames && !pre.nodeNames.has(node.name) ? 'outside' : undefined;
        const status = pre.status ?? this.framework.filter(state, info, node);
        return [node.name, outside ?? status?.message ?? ''];
      }),
    );
  }

  /** One plugin's normalized scores; undefined if it has nothing to say. */
  scores(plugin: string, pod: V1Pod): Record<string, number> | undefined {
    const p = this.plugins.get(plugin);
    const state = new CycleState();
    const info = new PodInfo(pod);
    const snapshot = this.cache.updateSnapshot();
    const status = p?.preScore?.(state, info, snapshot.nodes, snapshot);
    if (status instanceof Status) return undefined;
    const scores = snapshot.nodes.map((node) => ({ node, score: p?.score?.(state, info, node) ?? 0 }));
    p?.normalizeScore?.(state, info, scores);
    return Object.fromEntries(scores.map((s) => [s.node.name, s.score]));
  }

  private handle(): Handle {
    const logger = createLogger({ component: 'test', format: 'text', verbosity: 0 });
    const recorder = new EventRecorder(this.client, { component: 'test', logger });
    recorder.event = (ref, type, reason, message) => {
      this.recorded.push(`${type} ${reason} ${ref.metadata?.name}: ${message}`);
    };
    return {
      client: this.client,
      logger,
      recorder,
      informers: this.informers as unknown as SchedulerInformers,
      waitingPods: new WaitingPods(),
      statusWriter: { disruptionTarget: () => Promise.resolve() },
      metrics: { preempted: () => undefined },
      namespaceLabels: (ns) => this.informers.namespaces.lister.get(undefined, ns)?.metadata?.labels,
      nominatedOn: (node) => this.nominator.on(node),
      clearNomination: (pod) => this.nominator.delete(pod.key),
      node: (name) => this.world.nodes.find((n) => n.metadata?.name === name),
      stopping: this.stopping.signal,
      framework: () => this.framework,
      extenders: [],
    };
  }
}
