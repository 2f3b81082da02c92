import { FieldPath, field, Quantity } from '@kubelab/apimachinery';
import type { V1Container, V1Pod, V1PodSpec, V1Toleration } from '../../generated/types.js';
import { podQosClass } from '../../pod-qos.js';
import { type Errors, each, list, semanticEqual } from '../common.js';
import { diffText } from '../diff.js';
import { validatePodSpec } from './podspec.js';
import { validateTolerations } from './scheduling.js';

const SPEC = FieldPath.of('spec');
const MUTABLE =
  '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

const copy = <T>(value: T): T => structuredClone(value);

function sameCount(pod: V1PodSpec, old: V1PodSpec, kind: 'containers' | 'initContainers', errors: Errors): boolean {
  if (list(pod[kind]).length === list(old[kind]).length) return true;
  errors.push(field.forbidden(SPEC.child(kind), 'pod updates may not add or remove containers'));
  return false;
}

function validateImages(containers: V1Container[] | undefined, kind: string, errors: Errors): void {
  each(containers, (c, i) => {
    const p = SPEC.child(kind).index(i).child('image');
    if (!c.image) errors.push(field.required(p, ''));
    else if (c.image !== c.image.trim()) {
      errors.push(field.invalid(p, c.image, 'must not have leading or trailing whitespace'));
    }
  });
}

/** Old tolerations stay; only their tolerationSeconds may change, and new ones may come. */
function validateOnlyAddedTolerations(
  now: V1Toleration[] | undefined,
  old: V1Toleration[] | undefined,
  path: FieldPath,
  errors: Errors,
): void {
  for (const o of list(old)) {
    const { tolerationSeconds: _seconds, ...rest } = o;
    const kept = list(now).some((n) => {
      const { tolerationSeconds: _s, ...r } = n;
      return semanticEqual(r, rest);
    });
    if (!kept) {
      errors.push(field.forbidden(path, 'existing toleration can not be modified except its tolerationSeconds'));
      return;
    }
  }
  validateTolerations(now, path, errors);
}

function validateGates(pod: V1PodSpec, old: V1PodSpec, errors: Errors): void {
  const before = new Set(list(old.schedulingGates).map((g) => g.name));
  each(pod.schedulingGates, (g, i) => {
    if (before.has(g.name)) return;
    errors.push(
      field.forbidden(
        SPEC.child('schedulingGates').index(i).child('name'),
        `only deletion is allowed, but found new scheduling gate '${g.name}'`,
      ),
    );
  });
}

function withImagesOf(containers: V1Container[] | undefined, old: V1Container[] | undefined): void {
  each(containers, (c, i) => {
    const before = list(old)[i];
    if (before?.image !== undefined) c.image = before.image;
  });
}

/** Checks an update of a pod: images, deadline, tolerations and scheduling gates may change, the rest may not. */
export function validatePodUpdate(pod: V1Pod, old: V1Pod): Errors {
  const errors: Errors = [];
  const spec = pod.spec ?? { containers: [] };
  const before = old.spec ?? { containers: [] };
  if (!sameCount(spec, before, 'containers', errors) || !sameCount(spec, before, 'initContainers', errors)) {
    return errors;
  }
  validateImages(spec.containers, 'containers', errors);
  validateImages(spec.initContainers, 'initContainers', errors);
  const deadline = spec.activeDeadlineSeconds;
  const deadlinePath = SPEC.child('activeDeadlineSeconds');
  if (deadline !== undefined) {
    if (deadline < 0 || deadline > 2147483647) {
      errors.push(field.invalid(deadlinePath, deadline, 'must be between 0 and 2147483647, inclusive'));
    } else if (before.activeDeadlineSeconds !== undefined && before.activeDeadlineSeconds < deadline) {
      errors.push(field.invalid(deadlinePath, deadline, 'must be less than or equal to previous value'));
    }
  } else if (before.activeDeadlineSeconds !== undefined) {
    errors.push(field.invalid(deadlinePath, null, 'must not update from a positive integer to nil value'));
  }
  validateGates(spec, before, errors);
  validateOnlyAddedTolerations(spec.tolerations, before.tolerations, SPEC.child('tolerations'), errors);
  if (spec.terminationGracePeriodSeconds !== undefined && spec.terminationGracePeriodSeconds < 0) {
    errors.push(
      field.invalid(
        SPEC.child('terminationGracePeriodSeconds'),
        spec.terminationGracePeriodSeconds,
        'must be greater than or equal to 0',
      ),
    );
  }
  if (errors.length > 0) return errors;
  const munged = copy(spec);
  withImagesOf(munged.containers, before.containers);
  withImagesOf(munged.initContainers, before.initContainers);
  munged.activeDeadlineSeconds = before.activeDeadlineSeconds;
  munged.schedulingGates = before.schedulingGates;
  munged.tolerations = before.tolerations;
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && munged.terminationGracePeriodSeconds === 1) {
    munged.terminationGracePeriodSeconds = before.terminationGracePeriodSeconds;
  }
  // A pod held back by gates may still be narrowed to fewer nodes.
  if (list(before.schedulingGates).length > 0) {
    munged.nodeSelector = before.nodeSelector;
    if (munged.affinity?.nodeAffinity) munged.affinity.nodeAffinity = before.affinity?.nodeAffinity;
    for (const [key, value] of Object.entries(before.nodeSelector ?? {})) {
      if (spec.nodeSelector?.[key] !== value) {
        errors.push(
          field.invalid(
            SPEC.child('nodeSelector'),
            spec.nodeSelector ?? null,
            'only additions are allowed to the existing nodeSelector',
          ),
        );
        break;
      }
    }
  }
  if (!semanticEqual(munged, before)) {
    errors.push(
      field.forbidden(SPEC, `pod updates may not change fields other than ${MUTABLE}\n${diffText(before, munged)}`),
    );
  }
  return errors;
}

/** Checks an update through pods/ephemeralcontainers: containers are only added. */
export function validateEphemeralContainersUpdate(pod: V1Pod, old: V1Pod): Errors {
  const errors: Errors = [];
  validatePodSpec(pod.spec, SPEC, errors, pod.metadata?.name);
  const now = new Map(list(pod.spec?.ephemeralContainers).map((c) => [c.name, c]));
  const p = SPEC.child('ephemeralContainers');
  for (const c of list(old.spec?.ephemeralContainers)) {
    const kept = now.get(c.name);
    if (!kept) {
      errors.push(field.forbidden(p, `existing ephemeral containers ${JSON.stringify(c.name)} may not be removed\n`));
    } else if (!semanticEqual(kept, c)) {
      errors.push(
        field.forbidden(
          p,
          `existing ephemeral containers ${JSON.stringify(c.name)} may not be changed\n${diffText(c, kept)}`,
        ),
      );
    }
  }
  return errors;
}

const terminated = (pod: V1Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Checks an update through pods/resize: only CPU and memory of containers, within the QoS class. */
export function validatePodResize(pod: V1Pod, old: V1Pod): Errors {
  const errors: Errors = [];
  validatePodSpec(pod.spec, SPEC, errors, pod.metadata?.name);
  if (errors.length > 0) return errors;
  if (terminated(old)) {
    errors.push(field.forbidden(SPEC, 'pod is in a terminal state and cannot be resized'));
    return errors;
  }
  const qos = podQosClass(pod);
  const before = old.status?.qosClass ?? podQosClass(old);
  if (qos !== before) {
    errors.push(field.invalid(SPEC, qos, `Pod QOS Class may not change as a result of resizing (${before})`));
  }
  const munged = copy(pod.spec ?? { containers: [] });
  each(munged.containers, (c, i) => {
    const was = list(old.spec?.containers)[i];
    if (!was) return;
    for (const kind of ['limits', 'requests'] as const) {
      const now = c.resources?.[kind] ?? {};
      const then = was.resources?.[kind] ?? {};
      for (const name of new Set([...Object.keys(now), ...Object.keys(then)])) {
        const changed = !Quantity.parseOrZero(now[name]).equals(Quantity.parseOrZero(then[name]));
        if (changed && name !== 'cpu' && name !== 'memory') {
          errors.push(
            field.forbidden(
              SPEC.child('containers').index(i).child('resources').child(kind),
              'only cpu and memory resources are mutable',
            ),
          );
        }
        if (then[name] !== undefined && now[name] === undefined) {
          errors.push(
            field.forbidden(
              SPEC.child('containers').index(i).child('resources').child(kind),
              `resource ${kind} cannot be removed`,
            ),
          );
        }
      }
    }
    c.resources = was.resources;
    c.resizePolicy = was.resizePolicy;
  });
  if (errors.length === 0 && !semanticEqual(munged, old.spec)) {
    errors.push(field.forbidden(SPEC, `only cpu and memory resources are mutable\n${diffText(old.spec, munged)}`));
  }
  return errors;
}

/** Checks an update of a pod's status. */
export function validatePodStatusUpdate(pod: V1Pod, old: V1Pod): Errors {
  const errors: Errors = [];
  if ((pod.spec?.nodeName ?? '') !== (old.spec?.nodeName ?? '')) {
    errors.push(field.forbidden(SPEC.child('nodeName'), 'may not be changed directly'));
  }
  const path = FieldPath.of('status');
  if (old.spec?.restartPolicy === 'Always') return errors;
  for (const kind of ['containerStatuses', 'initContainerStatuses'] as const) {
    for (const was of list(old.status?.[kind])) {
      if (!was.state?.terminated) continue;
      if (kind === 'initContainerStatuses') {
        const c = list(old.spec?.initContainers).find((x) => x.name === was.name);
        if (c?.restartPolicy === 'Always') continue;
      }
      if (was.state.terminated.exitCode !== 0 && old.spec?.restartPolicy === 'OnFailure') continue;
      const index = list(pod.status?.[kind]).findIndex((s) => s.name === was.name);
      const now = list(pod.status?.[kind])[index];
      if (now && !now.state?.terminated) {
        errors.push(
          field.forbidden(
            path.child(kind).index(index).child('state'),
            'may not be transitioned to non-terminated state',
          ),
        );
      }
    }
  }
  return errors;
}
