import type {
  V1CronJob,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1JobSpec,
  V1ReplicaSet,
  V1StatefulSet,
} from '../generated/types.js';
import { setPodTemplateDefaults } from './podspec.js';
import { setPersistentVolumeClaimDefaults } from './volumes.js';

/** Defaults of a deployment. */
export function setDeploymentDefaults(d: V1Deployment): void {
  d.spec ??= { selector: {}, template: {} };
  const { spec } = d;
  spec.template ??= {};
  setPodTemplateDefaults(spec.template);
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
}

/** Defaults of a replica set. */
export function setReplicaSetDefaults(rs: V1ReplicaSet): void {
  rs.spec ??= { selector: {} };
  if (rs.spec.template) setPodTemplateDefaults(rs.spec.template);
  rs.spec.replicas ??= 1;
}

/** Defaults of a daemon set. */
export function setDaemonSetDefaults(ds: V1DaemonSet): void {
  ds.spec ??= { selector: {}, template: {} };
  ds.spec.template ??= {};
  setPodTemplateDefaults(ds.spec.template);
  ds.spec.updateStrategy ??= {};
  const strategy = ds.spec.updateStrategy;
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.maxUnavailable ??= 1;
    strategy.rollingUpdate.maxSurge ??= 0;
  }
  ds.spec.revisionHistoryLimit ??= 10;
}

/** Defaults of a stateful set. */
export function setStatefulSetDefaults(sts: V1StatefulSet): void {
  sts.spec ??= { selector: {}, template: {}, serviceName: '' };
  const { spec } = sts;
  spec.template ??= {};
  setPodTemplateDefaults(spec.template);
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = 'RollingUpdate';
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  if (spec.updateStrategy.type === 'RollingUpdate' && spec.updateStrategy.rollingUpdate) {
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= 'v1';
    claim.kind ??= 'PersistentVolumeClaim';
    setPersistentVolumeClaimDefaults(claim);
  }
}

function setJobSpecDefaults(spec: V1JobSpec): void {
  spec.template ??= {};
  setPodTemplateDefaults(spec.template);
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1;
    spec.parallelism = 1;
  }
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2147483647;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  }
}

/** Defaults of a job. */
export function setJobDefaults(job: V1Job): void {
  job.spec ??= { template: {} };
  const { spec } = job;
  setJobSpecDefaults(spec);
  const labels = spec.template.metadata?.labels;
  if (labels && Object.keys(labels).length > 0 && !job.metadata?.labels) {
    job.metadata ??= {};
    job.metadata.labels = { ...labels };
  }
}

/** Defaults of a cron job; those of its job template are set when a job is made, but the pod's here. */
export function setCronJobDefaults(cron: V1CronJob): void {
  cron.spec ??= { jobTemplate: {}, schedule: '' };
  cron.spec.concurrencyPolicy ||= 'Allow';
  cron.spec.suspend ??= false;
  cron.spec.successfulJobsHistoryLimit ??= 3;
  cron.spec.failedJobsHistoryLimit ??= 1;
  cron.spec.jobTemplate ??= {};
  cron.spec.jobTemplate.metadata ??= {};
  cron.spec.jobTemplate.spec ??= { template: {} };
  cron.spec.jobTemplate.spec.template ??= {};
  setPodTemplateDefaults(cron.spec.jobTemplate.spec.template);
  for (const rule of cron.spec.jobTemplate.spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  }
}
