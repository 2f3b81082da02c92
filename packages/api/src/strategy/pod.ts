import type { KubeObject } from '@kubelab/apimachinery';
import type { V1Pod, V1PodStatus } from '../generated/types.js';
import { podQosClass } from '../pod-qos.js';
import type { Strategy } from '../resource.js';
import { semanticEqual } from '../validation/common.js';
import { validatePod } from '../validation/pod/podspec.js';
import {
  validateEphemeralContainersUpdate,
  validatePodResize,
  validatePodStatusUpdate,
  validatePodUpdate,
} from '../validation/pod/update.js';
import { podTemplateWarnings } from '../validation/pod/warnings.js';
import { mergeMatchLabelKeys } from './match-label-keys.js';

const pod = (obj: KubeObject): V1Pod => obj as unknown as V1Pod;

function initialStatus(p: V1Pod): V1PodStatus {
  const status: V1PodStatus = { phase: 'Pending', qosClass: podQosClass(p) };
  if (p.spec?.schedulingGates?.length) {
    status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ];
  }
  return status;
}

/** serviceAccount is the old name of serviceAccountName; admission may have set only the new one. */
function syncServiceAccount(p: V1Pod): void {
  const name = p.spec?.serviceAccountName;
  if (p.spec && name) p.spec.serviceAccount = name;
}

function raiseGeneration(obj: KubeObject, old: KubeObject): void {
  const before = old.metadata.generation ?? 1;
  obj.metadata.generation = semanticEqual(obj.spec, old.spec) ? before : before + 1;
}

/** Pods: pending at creation; hardly anything of the spec changes later. */
export const podStrategy: Strategy = {
  prepareForCreate(obj) {
    const p = pod(obj);
    obj.metadata.generation = 1;
    p.status = initialStatus(p);
    syncServiceAccount(p);
    mergeMatchLabelKeys(p);
    delete p.spec?.ephemeralContainers;
  },
  prepareForUpdate(obj, old) {
    obj.status = old.status;
    syncServiceAccount(pod(obj));
    raiseGeneration(obj, old);
  },
  validateCreate: (obj) => validatePod(pod(obj)),
  validateUpdate: (obj, old) => validatePodUpdate(pod(obj), pod(old)),
  warningsOnCreate: (obj) => podTemplateWarnings(pod(obj).spec, pod(obj).metadata, 'spec'),
};

/** pods/status: only the status; the QoS class stays as it was computed. */
export const podStatusStrategy: Strategy = {
  prepareForUpdate(obj, old) {
    const { deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
    obj.spec = old.spec;
    if (deletionTimestamp === undefined) delete obj.metadata.deletionTimestamp;
    else obj.metadata.deletionTimestamp = deletionTimestamp;
    if (deletionGracePeriodSeconds !== undefined) obj.metadata.deletionGracePeriodSeconds = deletionGracePeriodSeconds;
    if (old.metadata.generation !== undefined) obj.metadata.generation = old.metadata.generation;
    const status = pod(obj).status;
    const before = pod(old).status?.qosClass;
    if (status && before && !status.qosClass) status.qosClass = before;
  },
  validateUpdate: (obj, old) => validatePodStatusUpdate(pod(obj), pod(old)),
};

/** pods/ephemeralcontainers: only the list of ephemeral containers. */
export const podEphemeralContainersStrategy: Strategy = {
  prepareForUpdate(obj, old) {
    const containers = pod(obj).spec?.ephemeralContainers;
    const spec = structuredClone(pod(old).spec ?? { containers: [] });
    if (containers) spec.ephemeralContainers = containers;
    else delete spec.ephemeralContainers;
    obj.spec = spec;
    obj.status = old.status;
    obj.metadata = { ...structuredClone(old.metadata), resourceVersion: obj.metadata.resourceVersion };
    raiseGeneration(obj, old);
  },
  validateUpdate: (obj, old) => validateEphemeralContainersUpdate(pod(obj), pod(old)),
};

/** pods/resize: only the containers' resources and resize policies. */
export const podResizeStrategy: Strategy = {
  prepareForUpdate(obj, old) {
    obj.status = old.status;
    const now = pod(obj).spec;
    const spec = structuredClone(pod(old).spec ?? { containers: [] });
    for (const kind of ['containers', 'initContainers'] as const) {
      for (const c of spec[kind] ?? []) {
        const wanted = now?.[kind]?.find((x) => x.name === c.name);
        if (wanted?.resources) c.resources = wanted.resources;
        if (wanted?.resizePolicy) c.resizePolicy = wanted.resizePolicy;
      }
    }
    obj.spec = spec;
    obj.metadata = { ...structuredClone(old.metadata), resourceVersion: obj.metadata.resourceVersion };
    raiseGeneration(obj, old);
  },
  validateUpdate: (obj, old) => validatePodResize(pod(obj), pod(old)),
};

/**
 * Grace period of a pod's deletion when the client names none: that of its spec; none for a pod that runs nowhere or
 * has ended.
 */
export function podGracePeriod(obj: KubeObject): number {
  const p = pod(obj);
  if (!p.spec?.nodeName) return 0;
  if (p.status?.phase === 'Failed' || p.status?.phase === 'Succeeded') return 0;
  return p.spec.terminationGracePeriodSeconds ?? 30;
}
