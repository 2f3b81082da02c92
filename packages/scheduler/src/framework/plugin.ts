import type { V1Pod } from '@kubelab/api';
import type { CycleState } from './cycle-state.js';
import type { Diagnosis } from './diagnosis.js';
import type { EventRegistration } from './events.js';
import type { NodeInfo } from './node-info.js';
import type { PodInfo } from './pod-info.js';
import type { Snapshot } from './snapshot.js';
import type { Status } from './status.js';

/** Highest score of a node after normalizing. */
export const maxNodeScore = 100;

/** A pod in the queue. */
export interface QueuedPod {
  info: PodInfo;
  /** When it was added to the queue last, in milliseconds. */
  timestamp: number;
  /** When it was first seen; for the scheduling SLI. */
  firstSeen: number;
  attempts: number;
  /** Plugins that rejected it in the last attempt. */
  rejectedBy: Set<string>;
  gated: boolean;
}

/** A node and its score, which normalizeScore changes in place. */
export interface NodeScore {
  node: NodeInfo;
  score: number;
}

/** PreFilter's answer: a status, or the only nodes that can fit (undefined: all). */
export interface PreFilterResult {
  status?: Status;
  nodeNames?: Set<string>;
}

/** What PostFilter made: the node that the pod shall have when its victims are gone; '' clears a nomination. */
export interface PostFilterResult {
  nominatedNodeName?: string;
  status: Status | undefined;
}

/**
 * A plugin: any of the steps of the scheduling framework (KEP-624), in the order they are called. Steps up to Reserve
 * are synchronous: they look at the snapshot and at informers' caches only, so that a cycle is one turn of the event
 * loop. Success is undefined.
 */
export interface Plugin {
  readonly name: string;
  /** Which events put a pod that this plugin rejected back into the queue; absent means all. */
  events?(): EventRegistration<V1Pod>[];
  /** QueueSort: whether a comes before b. */
  less?(a: QueuedPod, b: QueuedPod): boolean;
  preEnqueue?(pod: V1Pod): Status | undefined;
  preFilter?(state: CycleState, pod: PodInfo, snapshot: Snapshot): PreFilterResult | undefined;
  /** Keeps preFilter's state right when a pod is put on, or taken from, a node on trial. */
  addPod?(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void;
  removePod?(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void;
  filter?(state: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined;
  postFilter?(state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis): Promise<PostFilterResult>;
  /** Skip leaves the plugin's score out. */
  preScore?(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): Status | undefined;
  score?(state: CycleState, pod: PodInfo, node: NodeInfo): number;
  /** Brings raw scores to 0..100. */
  normalizeScore?(state: CycleState, pod: PodInfo, scores: NodeScore[]): void;
  reserve?(state: CycleState, pod: PodInfo, nodeName: string): Status | undefined;
  /** Undoes reserve; called also when reserve failed, so it must be idempotent. */
  unreserve?(state: CycleState, pod: PodInfo, nodeName: string): void;
  /** Wait with a time holds the pod back until all plugins that said so allow it. */
  permit?(state: CycleState, pod: PodInfo, nodeName: string): { status?: Status; timeoutMs?: number } | undefined;
  preBind?(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined>;
  /** Skip leaves the binding to the next bind plugin. */
  bind?(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined>;
  postBind?(state: CycleState, pod: PodInfo, nodeName: string): void;
}

/** A plugin that filters. */
export type FilterPlugin = Plugin & Required<Pick<Plugin, 'filter'>>;
