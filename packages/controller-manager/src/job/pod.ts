import type { V1Container, V1EnvVar, V1Pod } from '@kubelab/api';
import type { Job } from '../framework/kinds.js';
import { completionIndexKey, isIndexed } from './indexes.js';

/** Keeps a pod until its end has been counted in the job's status. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const failureCountKey = 'batch.kubernetes.io/job-index-failure-count';

const indexVariable = 'JOB_COMPLETION_INDEX';

/** Makes a pod from the template one of the job's: tracked, and with its index if it has one. */
export function prepareJobPod(job: Job, pod: V1Pod, index: number | undefined, failures: number | undefined): void {
  pod.metadata = { ...pod.metadata, finalizers: [...(pod.metadata?.finalizers ?? []), trackingFinalizer] };
  if (!isIndexed(job) || index === undefined || !pod.spec) return;
  const text = String(index);
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [completionIndexKey]: text,
    ...(failures !== undefined && { [failureCountKey]: String(failures) }),
  };
  pod.metadata.labels = { ...pod.metadata.labels, [completionIndexKey]: text };
  pod.metadata.generateName = `${job.metadata.name.slice(0, 57)}-${index}-`;
  pod.spec.hostname = `${job.metadata.name}-${index}`;
  pod.spec.containers = pod.spec.containers.map(withIndexVariable);
  if (pod.spec.initContainers) pod.spec.initContainers = pod.spec.initContainers.map(withIndexVariable);
}

function withIndexVariable(container: V1Container): V1Container {
  if (container.env?.some(({ name }) => name === indexVariable)) return container;
  const variable: V1EnvVar = {
    name: indexVariable,
    valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${completionIndexKey}']` } },
  };
  return { ...container, env: [...(container.env ?? []), variable] };
}

export function isTracked(pod: V1Pod): boolean {
  return pod.metadata?.finalizers?.includes(trackingFinalizer) ?? false;
}
