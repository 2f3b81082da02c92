import type {
  V1CertificateSigningRequest,
  V1ClusterRole,
  V1ConfigMap,
  V1ControllerRevision,
  V1CronJob,
  V1DaemonSet,
  V1Deployment,
  V1EndpointSlice,
  V1Endpoints,
  V1Job,
  V1Lease,
  V1Namespace,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1ReplicaSet,
  V1ReplicationController,
  V1ResourceQuota,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1StatefulSet,
  V1StorageClass,
  V2HorizontalPodAutoscaler,
} from '@kubelab/api';
import type { Live } from './live.js';

export type CertificateSigningRequest = Live<V1CertificateSigningRequest>;
export type ClusterRole = Live<V1ClusterRole>;
export type ConfigMap = Live<V1ConfigMap>;
export type ControllerRevision = Live<V1ControllerRevision>;
export type CronJob = Live<V1CronJob>;
export type DaemonSet = Live<V1DaemonSet>;
export type Deployment = Live<V1Deployment>;
export type Endpoints = Live<V1Endpoints>;
export type EndpointSlice = Live<V1EndpointSlice>;
export type HorizontalPodAutoscaler = Live<V2HorizontalPodAutoscaler>;
export type Job = Live<V1Job>;
export type Lease = Live<V1Lease>;
export type Namespace = Live<V1Namespace>;
export type Node = Live<V1Node>;
export type PersistentVolume = Live<V1PersistentVolume>;
export type PersistentVolumeClaim = Live<V1PersistentVolumeClaim>;
export type Pod = Live<V1Pod>;
export type PodDisruptionBudget = Live<V1PodDisruptionBudget>;
export type ReplicaSet = Live<V1ReplicaSet>;
export type ReplicationController = Live<V1ReplicationController>;
export type ResourceQuota = Live<V1ResourceQuota>;
export type Secret = Live<V1Secret>;
export type Service = Live<V1Service>;
export type ServiceAccount = Live<V1ServiceAccount>;
export type StatefulSet = Live<V1StatefulSet>;
export type StorageClass = Live<V1StorageClass>;
