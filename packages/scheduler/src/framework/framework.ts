import type { V1Pod } from '@kubelab/api';
import type { CycleState } from './cycle-state.js';
import type { Diagnosis } from './diagnosis.js';
import type { EventRegistration } from './events.js';
import type { NodeInfo } from './node-info.js';
import type { FilterPlugin, NodeScore, Plugin, PostFilterResult, PreFilterResult } from './plugin.js';
import type { PodInfo } from './pod-info.js';
import type { Snapshot } from './snapshot.js';
import { Status, unresolvable } from './status.js';
import type { WaitingPods } from './waiting-pods.js';

/** A step of the framework: the method's name on a plugin. */
export type ExtensionPoint = Exclude<keyof Plugin, 'name' | 'events' | 'addPod' | 'removePod' | 'normalizeScore'>;

/** Which plugins do which step, in order; made from a profile's configuration. */
export interface FrameworkPlugins {
  at(point: ExtensionPoint): readonly Plugin[];
  weight(name: string): number;
  all(): readonly Plugin[];
}

/** Told how long all plugins of an extension point took for a pod, in seconds, for metrics. */
export type StepObserver = (point: string, status: string, seconds: number) => void;

/** Runs the steps of one profile's plugins. */
export class Framework {
  private readonly filters: readonly FilterPlugin[];
  private readonly scorers: readonly (Plugin & Required<Pick<Plugin, 'score'>>)[];
  private readonly registrations: ReadonlyMap<string, readonly EventRegistration<V1Pod>[]>;

  constructor(
    readonly schedulerName: string,
    private readonly plugins: FrameworkPlugins,
    private readonly waiting: WaitingPods,
    /** Share of nodes to look at; undefined for the global or adaptive one. */
    readonly percentageOfNodesToScore?: number,
    private readonly observe: StepObserver = () => undefined,
  ) {
    this.filters = plugins.at('filter') as typeof this.filters;
    this.scorers = plugins.at('score') as typeof this.scorers;
    this.registrations = new Map(plugins.all().flatMap((p) => (p.events ? [[p.name, p.events()]] : [])));
  }

  /** Events that plugins registered for; a plugin that is not in the map wants all. */
  eventRegistrations(): ReadonlyMap<string, readonly EventRegistration<V1Pod>[]> {
    return this.registrations;
  }

  hasPlugin(point: ExtensionPoint): boolean {
    return this.plugins.at(point).length > 0;
  }

  queueSort(): Plugin {
    const plugin = this.plugins.at('less')[0];
    if (!plugin) throw new Error(`profile ${this.schedulerName}: a queueSort plugin is required`);
    return plugin;
  }

  /** Name of the plugin that holds the pod back from the queue. */
  gatedBy(pod: V1Pod): string | undefined {
    return this.plugins.at('preEnqueue').find((p) => p.preEnqueue?.(pod) !== undefined)?.name;
  }

  /** Reports that all plugins of an extension point ran for a pod; `started` is of performance.now(). */
  took(point: string, started: number, status?: Status): void {
    this.observe(point, status?.code ?? 'Success', (performance.now() - started) / 1000);
  }

  /** Runs PreFilter; `narrowedBy` names the plugins that allow only some nodes. */
  preFilter(
    state: CycleState,
    pod: PodInfo,
    snapshot: Snapshot,
  ): PreFilterResult & { plugin?: string; narrowedBy?: string[] } {
    let nodeNames: Set<string> | undefined;
    const narrowedBy: string[] = [];
    for (const plugin of this.plugins.at('preFilter')) {
      const result = plugin.preFilter?.(state, pod, snapshot);
      if (result?.status?.code === 'Skip') {
        state.skipFilter.add(plugin.name);
        continue;
      }
      if (result?.status) {
        return {
          status: from(plugin, result.status, `running PreFilter plugin "${plugin.name}"`),
          plugin: plugin.name,
        };
      }
      if (!result?.nodeNames) continue;
      const only = result.nodeNames;
      nodeNames = nodeNames ? new Set([...nodeNames].filter((n) => only.has(n))) : only;
      narrowedBy.push(plugin.name);
      narrowedBy.sort();
      if (nodeNames.size === 0) {
        const message =
          narrowedBy.length === 1
            ? `node(s) didn't satisfy plugin ${narrowedBy[0]}`
            : `node(s) didn't satisfy plugin(s) [${narrowedBy.join(' ')}] simultaneously`;
        const status = unresolvable(message);
        status.plugin = plugin.name;
        return { status, plugin: plugin.name };
      }
    }
    return { nodeNames, narrowedBy };
  }

  /** The filters that have something to say about the pod, worked out once a cycle. */
  private filtersOf(state: CycleState): readonly FilterPlugin[] {
    state.filters ??= this.filters.filter((p) => !state.skipFilter.has(p.name));
    return state.filters;
  }

  /** The first rejection of a node; undefined if it fits. */
  filter(state: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined {
    for (const plugin of this.filtersOf(state)) {
      const status = plugin.filter(state, pod, node);
      if (status) return from(plugin, status, `running "${plugin.name}" filter plugin`);
    }
    return undefined;
  }

  /**
   * Like filter, but pods of the same or higher priority that are nominated to the node count as being there. Their
   * absence is tried too: the pod must not depend on a pod that may never come.
   */
  filterWithNominated(
    state: CycleState,
    pod: PodInfo,
    node: NodeInfo,
    nominated: readonly PodInfo[],
  ): Status | undefined {
    const relevant = nominated.filter((n) => n.priority >= pod.priority && n.uid !== pod.uid);
    if (relevant.length > 0) {
      const trial = node.clone();
      const trialState = state.clone();
      for (const other of relevant) this.addPod(trialState, pod, other, trial);
      const status = this.filter(trialState, pod, trial);
      if (status) return status;
    }
    return this.filter(state, pod, node);
  }

  /** Puts a pod on a node on trial. */
  addPod(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void {
    node.addPod(added);
    for (const p of this.plugins.at('preFilter')) {
      if (!state.skipFilter.has(p.name)) p.addPod?.(state, pod, added, node);
    }
  }

  /** Takes a pod from a node on trial. */
  removePod(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void {
    node.removePod(removed.key);
    for (const p of this.plugins.at('preFilter')) {
      if (!state.skipFilter.has(p.name)) p.removePod?.(state, pod, removed, node);
    }
  }

  async postFilter(
    state: CycleState,
    pod: PodInfo,
    snapshot: Snapshot,
    diagnosis: Diagnosis,
  ): Promise<PostFilterResult> {
    const reasons: string[] = [];
    for (const plugin of this.plugins.at('postFilter')) {
      const result = await plugin.postFilter?.(state, pod, snapshot, diagnosis);
      if (!result) continue;
      if (!result.status || result.status.code === 'Error') return result;
      reasons.push(...result.status.reasons);
      if (result.nominatedNodeName !== undefined) return result;
    }
    return { status: new Status('Unschedulable', reasons) };
  }

  /** The weighted sum of the plugins' scores, one entry a node. Undefined when no plugin scores. */
  score(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): NodeScore[] | Status {
    for (const plugin of this.plugins.at('preScore')) {
      const status = plugin.preScore?.(state, pod, nodes, snapshot);
      if (status?.code === 'Skip') state.skipScore.add(plugin.name);
      else if (status) return from(plugin, status, `running PreScore plugin "${plugin.name}"`);
    }
    const totals: NodeScore[] = nodes.map((node) => ({ node, score: 0 }));
    const scores: NodeScore[] = nodes.map((node) => ({ node, score: 0 }));
    for (const plugin of this.scorers) {
      if (state.skipScore.has(plugin.name)) continue;
      for (const entry of scores) entry.score = plugin.score(state, pod, entry.node);
      plugin.normalizeScore?.(state, pod, scores);
      const weight = this.plugins.weight(plugin.name);
      for (let i = 0; i < scores.length; i++) {
        (totals[i] as NodeScore).score += (scores[i] as NodeScore).score * weight;
      }
    }
    return totals;
  }

  reserve(state: CycleState, pod: PodInfo, nodeName: string): Status | undefined {
    for (const plugin of this.plugins.at('reserve')) {
      const status = plugin.reserve?.(state, pod, nodeName);
      if (status) return from(plugin, status, `running Reserve plugin "${plugin.name}"`);
    }
    return undefined;
  }

  unreserve(state: CycleState, pod: PodInfo, nodeName: string): void {
    for (const plugin of [...this.plugins.at('reserve')].reverse()) plugin.unreserve?.(state, pod, nodeName);
  }

  /** Undefined: go on at once or (see waitOnPermit) later. */
  permit(state: CycleState, pod: PodInfo, nodeName: string): Status | undefined {
    const waits = new Map<string, number>();
    for (const plugin of this.plugins.at('permit')) {
      const result = plugin.permit?.(state, pod, nodeName);
      if (result?.status?.code === 'Wait') waits.set(plugin.name, result.timeoutMs ?? 900_000);
      else if (result?.status) return from(plugin, result.status, `running Permit plugin "${plugin.name}"`);
    }
    if (waits.size > 0) this.waiting.add(pod, waits);
    return undefined;
  }

  waitOnPermit(pod: PodInfo): Promise<Status | undefined> {
    return this.waiting.wait(pod);
  }

  async preBind(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined> {
    for (const plugin of this.plugins.at('preBind')) {
      const status = await plugin.preBind?.(state, pod, nodeName);
      if (status) return from(plugin, status, `running PreBind plugin "${plugin.name}"`);
    }
    return undefined;
  }

  async bind(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined> {
    for (const plugin of this.plugins.at('bind')) {
      const status = await plugin.bind?.(state, pod, nodeName);
      if (status?.code === 'Skip') continue;
      return status && from(plugin, status, `running Bind plugin "${plugin.name}"`);
    }
    return Status.error(new Error('no bind plugin took the pod'));
  }

  postBind(state: CycleState, pod: PodInfo, nodeName: string): void {
    for (const plugin of this.plugins.at('postBind')) plugin.postBind?.(state, pod, nodeName);
  }
}

/** Notes which plugin a status is from; a failure's message says what it was doing. */
function from(plugin: Plugin, status: Status, doing: string): Status {
  const result = status.code === 'Error' ? new Status('Error', [`${doing}: ${status.message}`], status.cause) : status;
  result.plugin = plugin.name;
  return result;
}
