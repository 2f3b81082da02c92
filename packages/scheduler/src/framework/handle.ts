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
import type { Client, EventRecorder, Informer } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import type { Framework } from './framework.js';
import type { NodeInfo } from './node-info.js';
import type { PodInfo } from './pod-info.js';
import type { WaitingPods } from './waiting-pods.js';

/** The caches that plugins read. */
export interface SchedulerInformers {
  pods: Informer<V1Pod>;
  namespaces: Informer<V1Namespace>;
  services: Informer<V1Service>;
  replicationControllers: Informer<V1ReplicationController>;
  replicaSets: Informer<V1ReplicaSet>;
  statefulSets: Informer<V1StatefulSet>;
  disruptionBudgets: Informer<V1PodDisruptionBudget>;
  claims: Informer<V1PersistentVolumeClaim>;
  volumes: Informer<V1PersistentVolume>;
  storageClasses: Informer<V1StorageClass>;
  csiNodes: Informer<V1CSINode>;
  csiDrivers: Informer<V1CSIDriver>;
  storageCapacities: Informer<V1CSIStorageCapacity>;
}

/** Writes pods' status. */
export interface StatusWriter {
  /** Marks a pod as about to be preempted. */
  disruptionTarget(pod: V1Pod, schedulerName: string): Promise<void>;
}

/** What a plugin gets of the scheduler that runs it. */
export interface Handle {
  readonly client: Client;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly informers: SchedulerInformers;
  readonly waitingPods: WaitingPods;
  readonly statusWriter: StatusWriter;
  readonly metrics: { preempted(victims: number): void };
  /** Labels of a namespace; undefined if it is not known (yet). */
  namespaceLabels(namespace: string): Record<string, string> | undefined;
  /** Pods nominated to a node. */
  nominatedOn(nodeName: string): PodInfo[];
  /** Takes a nomination away: in memory at once, on the server in the background. */
  clearNomination(pod: PodInfo): void;
  /** A node as the API server has it. */
  node(name: string): V1Node | undefined;
  /** Aborted when the scheduler stops: nothing may wait on. */
  readonly stopping: AbortSignal;
  /** The framework of the profile the plugin belongs to. */
  framework(): Framework;
  /** Extenders that take part in preemption are asked through here; undefined if there are none. */
  readonly extenders: readonly Extender[];
}

/** A node, and the pods that would have to go from it. */
export interface PreemptionCandidate {
  nodeName: string;
  /** The most important first. */
  victims: PodInfo[];
  /** Victims whose going breaks a PodDisruptionBudget. */
  violations: number;
}

/** A service outside that takes part in scheduling over HTTP. */
export interface Extender {
  readonly name: string;
  readonly ignorable: boolean;
  readonly weight: number;
  readonly isBinder: boolean;
  readonly supportsPreemption: boolean;
  interested(pod: V1Pod): boolean;
  /** Names of nodes that fit, and why others don't. Rejects when the service fails. */
  filter(
    pod: V1Pod,
    nodes: readonly NodeInfo[],
  ): Promise<{ fit: Set<string>; failed: Map<string, string>; failedForGood: Map<string, string> }>;
  /** Scores by node name; 0..10 before the weight. */
  prioritize(pod: V1Pod, nodes: readonly NodeInfo[]): Promise<Map<string, number>>;
  /** Which nodes remain for preemption, with the UIDs of the victims there: fewer nodes, or other victims. */
  preempt(pod: V1Pod, candidates: readonly PreemptionCandidate[]): Promise<Map<string, string[]>>;
  bind(pod: V1Pod, nodeName: string): Promise<void>;
}
