import type { CycleState } from '../framework/cycle-state.js';
import { Diagnosis } from '../framework/diagnosis.js';
import type { Framework } from '../framework/framework.js';
import type { Extender } from '../framework/handle.js';
import type { NodeInfo } from '../framework/node-info.js';
import { maxNodeScore, type NodeScore } from '../framework/plugin.js';
import type { PodInfo } from '../framework/pod-info.js';
import type { Snapshot } from '../framework/snapshot.js';
import { Status, unresolvable, unschedulable } from '../framework/status.js';
import type { Nominator } from '../queue/nominator.js';
import { FitError } from './fit-error.js';

const minFeasibleNodes = 100;
const minPercentage = 5;

/** How many fitting nodes are enough: all up to 100, then a share that shrinks as the cluster grows. */
export function enoughNodes(total: number, percentage: number): number {
  if (total < minFeasibleNodes) return total;
  const share = percentage > 0 ? percentage : Math.max(minPercentage, 50 - Math.trunc(total / 125));
  return Math.max(minFeasibleNodes, Math.trunc((total * share) / 100));
}

export interface Choice {
  nodeName: string;
  evaluated: number;
  feasible: number;
}

/** Finds the node for a pod: PreFilter, Filter, extenders, Score. Keeps where it stopped, so that all nodes get turns. */
export class NodeSelector {
  private nextStart = 0;

  constructor(
    private readonly nominator: Nominator,
    private readonly extenders: readonly Extender[],
    private readonly percentageOfNodesToScore: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** Throws FitError if no node fits, other errors if something broke. Asynchronous only for extenders. */
  select(fw: Framework, state: CycleState, pod: PodInfo, snapshot: Snapshot): Choice | Promise<Choice> {
    if (snapshot.nodes.length === 0) {
      throw new FitError(0, new Diagnosis(), new Set());
    }
    const diagnosis = new Diagnosis();
    const feasible = this.findFeasible(fw, state, pod, snapshot, diagnosis);
    const extenders = this.extenders.filter((e) => e.interested(pod.pod));
    if (extenders.length > 0) return this.withExtenders(fw, state, pod, snapshot, feasible, diagnosis, extenders);
    if (feasible.length === 0) throw fitError(snapshot, diagnosis);
    const evaluated = feasible.length + diagnosis.size;
    if (feasible.length === 1) return { nodeName: (feasible[0] as NodeInfo).name, evaluated, feasible: 1 };
    const scores = scoresOf(fw, state, pod, feasible, snapshot);
    return { nodeName: this.best(scores), evaluated, feasible: feasible.length };
  }

  private findFeasible(
    fw: Framework,
    state: CycleState,
    pod: PodInfo,
    snapshot: Snapshot,
    diagnosis: Diagnosis,
  ): NodeInfo[] {
    const started = performance.now();
    const pre = fw.preFilter(state, pod, snapshot);
    fw.took('PreFilter', started, pre.status);
    if (pre.status) {
      if (!pre.status.rejected) throw new Error(pre.status.message, { cause: pre.status.cause });
      diagnosis.others = pre.status;
      throw new FitError(snapshot.nodes.length, diagnosis, new Set([pre.plugin ?? '']), pre.status.message);
    }
    const fits = (node: NodeInfo): boolean => {
      const nominated = this.nominator.empty ? [] : this.nominator.on(node.name);
      const status =
        nominated.length > 0 ? fw.filterWithNominated(state, pod, node, nominated) : fw.filter(state, pod, node);
      if (!status) return true;
      if (!status.rejected) throw new Error(status.message, { cause: status.cause });
      diagnosis.set(node.name, status);
      return false;
    };
    // A nominated node was made free for this pod: if it fits there, no other needs looking at.
    const nominated = snapshot.get(this.nominator.nodeFor(pod.key) ?? '');
    if (nominated && fits(nominated)) return [nominated];
    diagnosis.clear();
    const filtering = performance.now();
    const { nodes } = snapshot;
    const total = nodes.length;
    if (pre.nodeNames) {
      diagnosis.others = unresolvable(`node(s) didn't satisfy plugin(s) [${pre.narrowedBy?.join(' ')}]`);
      const named = [...pre.nodeNames].map((name) => snapshot.get(name));
      const out: NodeInfo[] = [];
      for (const node of named) if (node && fits(node)) out.push(node);
      fw.took('Filter', filtering);
      return out;
    }
    const enough = enoughNodes(total, fw.percentageOfNodesToScore ?? this.percentageOfNodesToScore);
    const out: NodeInfo[] = [];
    let looked = 0;
    for (; looked < total && out.length < enough; looked++) {
      const node = nodes[(this.nextStart + looked) % total] as NodeInfo;
      if (fits(node)) out.push(node);
    }
    this.nextStart = (this.nextStart + looked) % total;
    fw.took('Filter', filtering);
    return out;
  }

  private async withExtenders(
    fw: Framework,
    state: CycleState,
    pod: PodInfo,
    snapshot: Snapshot,
    feasible: NodeInfo[],
    diagnosis: Diagnosis,
    extenders: Extender[],
  ): Promise<Choice> {
    let nodes = feasible;
    for (const extender of extenders) {
      if (nodes.length === 0) break;
      try {
        const answer = await extender.filter(pod.pod, nodes);
        for (const [name, why] of answer.failedForGood) diagnosis.set(name, unresolvable(why));
        for (const [name, why] of answer.failed) {
          if (!answer.failedForGood.has(name)) diagnosis.set(name, unschedulable(why));
        }
        nodes = nodes.filter((n) => answer.fit.has(n.name));
      } catch (error) {
        if (!extender.ignorable) throw error;
      }
    }
    if (nodes.length === 0) throw fitError(snapshot, diagnosis);
    const evaluated = nodes.length + diagnosis.size;
    if (nodes.length === 1) return { nodeName: (nodes[0] as NodeInfo).name, evaluated, feasible: 1 };
    const scores = scoresOf(fw, state, pod, nodes, snapshot);
    for (const extender of extenders) {
      // As in Kubernetes, an extender that fails to score only loses its say.
      const given = await extender.prioritize(pod.pod, nodes).catch(() => new Map<string, number>());
      for (const entry of scores) {
        entry.score += (given.get(entry.node.name) ?? 0) * extender.weight * (maxNodeScore / 10);
      }
    }
    return { nodeName: this.best(scores), evaluated, feasible: nodes.length };
  }

  /** The highest score; among equals one at random, so that equal nodes share the load. */
  private best(scores: NodeScore[]): string {
    let best = scores[0] as NodeScore;
    let equals = 1;
    for (let i = 1; i < scores.length; i++) {
      const s = scores[i] as NodeScore;
      if (s.score > best.score) {
        best = s;
        equals = 1;
      } else if (s.score === best.score && this.random() < 1 / ++equals) {
        best = s;
      }
    }
    return best.node.name;
  }
}

function scoresOf(fw: Framework, state: CycleState, pod: PodInfo, nodes: NodeInfo[], snapshot: Snapshot): NodeScore[] {
  const started = performance.now();
  const scores = fw.score(state, pod, nodes, snapshot);
  fw.took('Score', started, scores instanceof Status ? scores : undefined);
  if (scores instanceof Status) throw new Error(scores.message, { cause: scores.cause });
  return scores;
}

function fitError(snapshot: Snapshot, diagnosis: Diagnosis): FitError {
  return new FitError(snapshot.nodes.length, diagnosis, diagnosis.plugins());
}
