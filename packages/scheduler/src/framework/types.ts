import type { V1Node, V1Pod } from '@kubelab/api';
import type { NodeInfo } from '../cache/node-info.js';

/** Where a pod's scheduling stands, shared by the plugins of one cycle (framework.CycleState). */
export type CycleState = Map<string, unknown>;

/** Why a node or a pod was refused. `unresolvable`: no preemption on the node could change it. */
export interface Refusal {
  reasons: string[];
  plugin: string;
  unresolvable?: boolean;
}

/** What happened in the cluster that may make a pod schedulable that was not. */
export type ClusterEvent =
  | 'NodeAdd'
  | 'NodeUpdate'
  | 'AssignedPodAdd'
  | 'AssignedPodUpdate'
  | 'AssignedPodDelete'
  | 'PodUpdate';

/** The view of the cluster that one cycle works with. */
export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  get(name: string): NodeInfo | undefined;
}

/** A plugin of the scheduling framework (KEP-624); it has the extension points that it needs. */
export interface Plugin {
  readonly name: string;
  /** Keeps a pod out of the active queue; the text says why. */
  preEnqueue?(pod: V1Pod): string | undefined;
  /** Looks at the pod and all nodes once; may refuse the pod, or narrow the nodes to be looked at. */
  preFilter?(
    state: CycleState,
    pod: V1Pod,
    snapshot: Snapshot,
  ): Omit<Refusal, 'plugin'> | { nodes: Set<string> } | undefined;
  filter?(state: CycleState, pod: V1Pod, node: NodeInfo): Omit<Refusal, 'plugin'> | undefined;
  preScore?(state: CycleState, pod: V1Pod, nodes: readonly NodeInfo[], snapshot: Snapshot): void;
  score?(state: CycleState, pod: V1Pod, node: NodeInfo): number;
  /** Brings the scores to 0..100 (in place). */
  normalize?(scores: number[], nodes: readonly NodeInfo[], state: CycleState, pod: V1Pod): void;
  /** Undoes what a filter's state knows of a pod, for trying preemption. */
  removePod?(state: CycleState, pod: V1Pod, removed: V1Pod, node: NodeInfo): void;
  addPod?(state: CycleState, pod: V1Pod, added: V1Pod, node: NodeInfo): void;
  /** Events after which a pod that this plugin refused is worth another try. */
  readonly requeueOn?: readonly ClusterEvent[];
  /** Whether such an event, about this object, can help this pod (queueing hint, KEP-4247). */
  mayHelp?(pod: V1Pod, event: ClusterEvent, now: V1Node | V1Pod, before?: V1Node | V1Pod): boolean;
}

export const maxNodeScore = 100;
