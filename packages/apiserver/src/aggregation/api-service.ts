import type { V1APIService, V1APIServiceCondition } from '@kubelab/api';

export const apiServices = { group: 'apiregistration.k8s.io', resource: 'apiservices' };
export const automanagedLabel = 'kube-aggregator.kubernetes.io/automanaged';

/** `v1beta1.metrics.k8s.io`, `v1.` for the core group. */
export const apiServiceName = (group: string, version: string): string => `${version}.${group}`;

/** A resource in an extension server's discovery document (metav1.APIResource). */
export interface RemoteResource {
  name: string;
  singularName?: string;
  namespaced: boolean;
  group?: string;
  version?: string;
  kind: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
}

/** A group and version that an extension server serves. */
export interface RemoteGroupVersion {
  group: string;
  version: string;
  groupPriority: number;
  versionPriority: number;
  available: boolean;
  /** As it said when it was last asked. */
  resources: RemoteResource[];
}

export function conditionOf(service: V1APIService, type: string): V1APIServiceCondition | undefined {
  return service.status?.conditions?.find((c) => c.type === type);
}

/** Order of the groups of a stock cluster (kube-aggregator's apiVersionPriorities); custom resources come after. */
const groupPriorities: Record<string, number> = {
  '': 18000,
  extensions: 17900,
  apps: 17800,
  'events.k8s.io': 17750,
  'authentication.k8s.io': 17700,
  'authorization.k8s.io': 17600,
  autoscaling: 17500,
  batch: 17400,
  'certificates.k8s.io': 17300,
  'networking.k8s.io': 17200,
  policy: 17100,
  'rbac.authorization.k8s.io': 17000,
  'storage.k8s.io': 16800,
  'apiextensions.k8s.io': 16700,
  'admissionregistration.k8s.io': 16700,
  'scheduling.k8s.io': 16600,
  'coordination.k8s.io': 16500,
  'node.k8s.io': 16300,
  'discovery.k8s.io': 16200,
  'flowcontrol.apiserver.k8s.io': 16100,
};

export const groupPriorityOf = (group: string): number => groupPriorities[group] ?? 1000;
