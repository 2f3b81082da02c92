import type { V1Pod } from '@kubelab/api';
import type { NodeInfo } from '../cache/node-info.js';
import type { WeightedPlugin } from '../plugins/index.js';
import type { CycleState, Plugin, Refusal, Snapshot } from './types.js';

/** The plugins of a profile, sorted by what they do. */
export class PluginRunner {
  readonly all: readonly Plugin[];
  private readonly preFilters: Plugin[];
  private readonly filters: Plugin[];
  private readonly preScorers: Plugin[];
  private readonly scorers: WeightedPlugin[];

  constructor(weighted: readonly WeightedPlugin[]) {
    this.all = weighted.map(({ plugin }) => plugin);
    this.preFilters = this.all.filter((plugin) => plugin.preFilter);
    this.filters = this.all.filter((plugin) => plugin.filter);
    this.preScorers = this.all.filter((plugin) => plugin.preScore);
    this.scorers = weighted.filter(({ plugin, weight }) => plugin.score && weight > 0);
  }

  /** Looks at the pod once. Returns a refusal of the whole pod, or the only nodes that are worth a look. */
  preFilter(state: CycleState, pod: V1Pod, snapshot: Snapshot): Refusal | { nodes?: Set<string> } {
    let nodes: Set<string> | undefined;
    for (const plugin of this.preFilters) {
      const answer = plugin.preFilter?.(state, pod, snapshot);
      if (answer && 'reasons' in answer) {
        return { ...answer, plugin: plugin.name };
      }
      if (answer) {
        const before = nodes;
        nodes = before ? new Set([...answer.nodes].filter((name) => before.has(name))) : answer.nodes;
      }
    }
    return { nodes };
  }

  /** The first refusal of a node, or undefined when it would do. */
  filter(state: CycleState, pod: V1Pod, node: NodeInfo): Refusal | undefined {
    for (const plugin of this.filters) {
      const refusal = plugin.filter?.(state, pod, node);
      if (refusal) {
        return { ...refusal, plugin: plugin.name };
      }
    }
    return undefined;
  }

  /** The weighted sum of all scores, by the nodes' order. */
  score(state: CycleState, pod: V1Pod, nodes: readonly NodeInfo[], snapshot: Snapshot): number[] {
    for (const plugin of this.preScorers) {
      plugin.preScore?.(state, pod, nodes, snapshot);
    }
    const totals = new Array<number>(nodes.length).fill(0);
    for (const { plugin, weight } of this.scorers) {
      const scores = nodes.map((node) => plugin.score?.(state, pod, node) ?? 0);
      plugin.normalize?.(scores, nodes, state, pod);
      for (let i = 0; i < totals.length; i++) {
        totals[i] = (totals[i] ?? 0) + weight * (scores[i] ?? 0);
      }
    }
    return totals;
  }

  /** Tells the filters' states that a pod came to, or left, a node, for trying what would be without it. */
  simulate(state: CycleState, pod: V1Pod, other: V1Pod, node: NodeInfo, change: 'add' | 'remove'): void {
    for (const plugin of this.filters) {
      if (change === 'add') {
        plugin.addPod?.(state, pod, other, node);
      } else {
        plugin.removePod?.(state, pod, other, node);
      }
    }
  }
}
