import type { FieldError, KubeObject } from '@kubelab/apimachinery';
import type {
  V1ControllerRevision,
  V1CronJob,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1ReplicaSet,
  V1StatefulSet,
} from '../generated/types.js';
import type { Strategy } from '../resource.js';
import { validateCronJob, validateJob, validateJobUpdate } from '../validation/batch.js';
import { fieldImmutableErrorMsg, semanticEqual } from '../validation/common.js';
import { podTemplateWarnings } from '../validation/pod/warnings.js';
import {
  validateDaemonSet,
  validateDeployment,
  validateReplicaSet,
  validateReplicaStatus,
  validateSelectorUpdate,
  validateStatefulSet,
  validateStatefulSetUpdate,
} from '../validation/workloads.js';
import { emptyStatus, statusStrategyOf, strategyOf } from './common.js';

interface Templated {
  spec?: {
    template?: {
      spec?: Parameters<typeof podTemplateWarnings>[0];
      metadata?: Parameters<typeof podTemplateWarnings>[1];
    };
  };
}

/** Warnings about the pods that a workload will make. */
function withTemplateWarnings(strategy: Strategy): Strategy {
  const warn = (obj: KubeObject): string[] => {
    // Every kind given here has spec.template.
    const template = (obj as unknown as Templated).spec?.template;
    return podTemplateWarnings(template?.spec, template?.metadata, 'spec.template.spec');
  };
  return { ...strategy, warningsOnCreate: warn, warningsOnUpdate: warn };
}

const both =
  <T>(check: (obj: T) => FieldError[], checkUpdate: (obj: T, old: T) => FieldError[]) =>
  (obj: T, old: T): FieldError[] => [...check(obj), ...checkUpdate(obj, old)];

export const deploymentStrategy = withTemplateWarnings(
  strategyOf<V1Deployment>({
    initialStatus: emptyStatus,
    generation: true,
    validations: { create: validateDeployment, update: both(validateDeployment, validateSelectorUpdate) },
  }),
);
export const replicaSetStrategy = withTemplateWarnings(
  strategyOf<V1ReplicaSet>({
    initialStatus: () => ({ replicas: 0 }),
    generation: true,
    validations: { create: validateReplicaSet, update: both(validateReplicaSet, validateSelectorUpdate) },
  }),
);
export const daemonSetStrategy = withTemplateWarnings(
  strategyOf<V1DaemonSet>({
    initialStatus: () => ({
      currentNumberScheduled: 0,
      desiredNumberScheduled: 0,
      numberMisscheduled: 0,
      numberReady: 0,
    }),
    generation: true,
    validations: { create: validateDaemonSet, update: both(validateDaemonSet, validateSelectorUpdate) },
  }),
);
export const statefulSetStrategy = withTemplateWarnings(
  strategyOf<V1StatefulSet>({
    initialStatus: () => ({ replicas: 0, availableReplicas: 0 }),
    generation: true,
    validations: { create: validateStatefulSet, update: both(validateStatefulSet, validateStatefulSetUpdate) },
  }),
);

/** Status of workloads that count replicas. */
export const workloadStatusStrategy = statusStrategyOf<V1Deployment>((d) =>
  validateReplicaStatus(d.status as Record<string, unknown> | undefined),
);
export const daemonSetStatusStrategy = statusStrategyOf<V1DaemonSet>();

export const controllerRevisionStrategy = strategyOf<V1ControllerRevision>({
  validations: {
    create: (r) =>
      r.revision < 0
        ? [
            {
              type: 'FieldValueInvalid',
              field: 'revision',
              badValue: r.revision,
              detail: 'must be greater than or equal to 0',
            },
          ]
        : [],
    update: (r, old) =>
      semanticEqual(r.data, old.data)
        ? []
        : [{ type: 'FieldValueInvalid', field: 'data', badValue: r.data, detail: fieldImmutableErrorMsg }],
  },
});

const JOB_LABELS = ['controller-uid', 'job-name', 'batch.kubernetes.io/controller-uid', 'batch.kubernetes.io/job-name'];

/** Gives a job the selector and labels that its pods are found by, unless it brings its own (manualSelector). */
function generateJobSelector(job: V1Job): void {
  const template = job.spec?.template;
  if (!job.spec || !template || job.spec.manualSelector) return;
  template.metadata ??= {};
  template.metadata.labels ??= {};
  const uid = job.metadata?.uid ?? '';
  const name = job.metadata?.name ?? '';
  const values = [uid, name, uid, name];
  JOB_LABELS.forEach((label, i) => {
    if (template.metadata?.labels) template.metadata.labels[label] ??= values[i] ?? '';
  });
  job.spec.selector ??= {};
  job.spec.selector.matchLabels ??= {};
  job.spec.selector.matchLabels['batch.kubernetes.io/controller-uid'] ??= uid;
}

export const jobStrategy = withTemplateWarnings(
  strategyOf<V1Job>({
    initialStatus: emptyStatus,
    generation: true,
    validations: { create: validateJob, update: validateJobUpdate },
    create: generateJobSelector,
  }),
);
export const cronJobStrategy = strategyOf<V1CronJob>({
  initialStatus: emptyStatus,
  generation: true,
  validations: { create: validateCronJob },
});
export const batchStatusStrategy = statusStrategyOf<V1Job>();
