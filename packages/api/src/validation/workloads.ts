import {
  FieldPath,
  field,
  type LabelSelector,
  labelSelectorAsSelector,
  validateLabelSelector,
} from '@kubelab/apimachinery';
import type {
  V1DaemonSet,
  V1Deployment,
  V1PodTemplateSpec,
  V1ReplicaSet,
  V1ReplicationController,
  V1StatefulSet,
} from '../generated/types.js';
import {
  type Errors,
  each,
  immutable,
  list,
  nonNegative,
  notMoreThan100Percent,
  percentOf,
  positiveIntOrPercent,
  requiredEnum,
  semanticEqual,
} from './common.js';
import { validatePersistentVolumeClaimSpec } from './persistent-volume-claim.js';
import { validatePodTemplateSpec } from './pod/podspec.js';

const SPEC = FieldPath.of('spec');
const isEmptySelector = (s: LabelSelector): boolean =>
  Object.keys(s.matchLabels ?? {}).length + list(s.matchExpressions).length === 0;

function validateSelector(selector: LabelSelector | undefined, kind: string, errors: Errors): boolean {
  const path = SPEC.child('selector');
  if (!selector) {
    errors.push(field.required(path, ''));
    return false;
  }
  const problems = validateLabelSelector(selector, path);
  errors.push(...problems);
  if (isEmptySelector(selector)) {
    errors.push(field.invalid(path, selector, `empty selector is invalid for ${kind}`));
    return false;
  }
  return problems.length === 0;
}

function validateTemplate(
  template: V1PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  selectorIsFine: boolean,
  errors: Errors,
): void {
  const path = SPEC.child('template');
  if (!template) {
    errors.push(field.required(path, ''));
    return;
  }
  if (selector && selectorIsFine) {
    const labels = template.metadata?.labels ?? {};
    if (!labelSelectorAsSelector(selector).matches(labels)) {
      errors.push(
        field.invalid(path.child('metadata', 'labels'), labels, '`selector` does not match template `labels`'),
      );
    }
  }
  validatePodTemplateSpec(template, path, errors);
  const policy = template.spec?.restartPolicy;
  if (policy !== 'Always') {
    errors.push(field.notSupported(path.child('spec', 'restartPolicy'), policy ?? '', ['Always']));
  }
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    errors.push(
      field.forbidden(
        path.child('spec', 'activeDeadlineSeconds'),
        'activeDeadlineSeconds in ReplicaSet is not Supported',
      ),
    );
  }
}

const isZero = (value: number | string | undefined): boolean =>
  value === 0 || percentOf(value) === 0 || value === undefined;

/** Checks a deployment. */
export function validateDeployment(d: V1Deployment): Errors {
  const errors: Errors = [];
  const spec = d.spec;
  nonNegative(spec?.replicas, SPEC.child('replicas'), errors);
  const fine = validateSelector(spec?.selector, 'deployment', errors);
  validateTemplate(spec?.template, spec?.selector, fine, errors);
  const path = SPEC.child('strategy');
  const strategy = spec?.strategy;
  if (strategy?.type === 'Recreate') {
    if (strategy.rollingUpdate) {
      errors.push(
        field.forbidden(path.child('rollingUpdate'), "may not be specified when strategy `type` is 'Recreate'"),
      );
    }
  } else if (strategy?.type === 'RollingUpdate') {
    const rolling = strategy.rollingUpdate;
    const p = path.child('rollingUpdate');
    if (!rolling) errors.push(field.required(p, 'this should be defaulted and never be nil'));
    else {
      positiveIntOrPercent(rolling.maxUnavailable, p.child('maxUnavailable'), errors);
      positiveIntOrPercent(rolling.maxSurge, p.child('maxSurge'), errors);
      if (isZero(rolling.maxUnavailable) && isZero(rolling.maxSurge)) {
        errors.push(
          field.invalid(p.child('maxUnavailable'), rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0'),
        );
      }
      notMoreThan100Percent(rolling.maxUnavailable, p.child('maxUnavailable'), errors);
    }
  } else if (!strategy?.type) {
    errors.push(field.required(path.child('type'), ''));
  } else {
    errors.push(field.notSupported(path.child('type'), strategy.type, ['Recreate', 'RollingUpdate']));
  }
  nonNegative(spec?.minReadySeconds, SPEC.child('minReadySeconds'), errors);
  nonNegative(spec?.revisionHistoryLimit, SPEC.child('revisionHistoryLimit'), errors);
  const deadline = spec?.progressDeadlineSeconds;
  if (deadline !== undefined) {
    nonNegative(deadline, SPEC.child('progressDeadlineSeconds'), errors);
    if (deadline <= (spec?.minReadySeconds ?? 0)) {
      errors.push(
        field.invalid(SPEC.child('progressDeadlineSeconds'), deadline, 'must be greater than minReadySeconds'),
      );
    }
  }
  return errors;
}

/** The selector of a deployment, replica set or daemon set stays. */
export function validateSelectorUpdate(
  now: { spec?: { selector?: unknown } },
  old: { spec?: { selector?: unknown } },
): Errors {
  const errors: Errors = [];
  immutable(now.spec?.selector, old.spec?.selector, SPEC.child('selector'), errors);
  return errors;
}

/** Checks the counts of a workload's status. */
export function validateReplicaStatus(status: Record<string, unknown> | undefined): Errors {
  const errors: Errors = [];
  const path = FieldPath.of('status');
  const count = (name: string): number => (typeof status?.[name] === 'number' ? (status[name] as number) : 0);
  for (const name of [
    'replicas',
    'fullyLabeledReplicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
    'observedGeneration',
    'collisionCount',
  ]) {
    nonNegative(count(name), path.child(name), errors);
  }
  const more = 'cannot be greater than status.replicas';
  for (const name of ['fullyLabeledReplicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas']) {
    if (count(name) > count('replicas')) errors.push(field.invalid(path.child(name), count(name), more));
  }
  if (count('availableReplicas') > count('readyReplicas')) {
    errors.push(
      field.invalid(
        path.child('availableReplicas'),
        count('availableReplicas'),
        'cannot be greater than readyReplicas',
      ),
    );
  }
  return errors;
}

/** Checks a replica set. */
export function validateReplicaSet(rs: V1ReplicaSet): Errors {
  const errors: Errors = [];
  nonNegative(rs.spec?.replicas, SPEC.child('replicas'), errors);
  nonNegative(rs.spec?.minReadySeconds, SPEC.child('minReadySeconds'), errors);
  const fine = validateSelector(rs.spec?.selector, 'replica set', errors);
  validateTemplate(rs.spec?.template, rs.spec?.selector, fine, errors);
  return errors;
}

/** Checks a replication controller. */
export function validateReplicationController(rc: V1ReplicationController): Errors {
  const errors: Errors = [];
  const spec = rc.spec;
  nonNegative(spec?.minReadySeconds, SPEC.child('minReadySeconds'), errors);
  const selector = spec?.selector ?? {};
  if (Object.keys(selector).length === 0) errors.push(field.required(SPEC.child('selector'), ''));
  if (spec?.replicas === undefined) errors.push(field.required(SPEC.child('replicas'), ''));
  nonNegative(spec?.replicas, SPEC.child('replicas'), errors);
  const ls = Object.keys(selector).length > 0 ? { matchLabels: selector } : undefined;
  const fine = validateLabelSelector(ls, SPEC.child('selector')).length === 0;
  validateTemplate(spec?.template, ls, fine, errors);
  return errors;
}

/** Checks a daemon set. */
export function validateDaemonSet(ds: V1DaemonSet): Errors {
  const errors: Errors = [];
  const spec = ds.spec;
  const fine = validateSelector(spec?.selector, 'daemonset', errors);
  validateTemplate(spec?.template, spec?.selector, fine, errors);
  nonNegative(spec?.minReadySeconds, SPEC.child('minReadySeconds'), errors);
  nonNegative(spec?.revisionHistoryLimit, SPEC.child('revisionHistoryLimit'), errors);
  const path = SPEC.child('updateStrategy');
  const strategy = spec?.updateStrategy;
  requiredEnum(strategy?.type, ['RollingUpdate', 'OnDelete'], path.child('type'), errors);
  if (strategy?.type === 'RollingUpdate') {
    const p = path.child('rollingUpdate');
    const rolling = strategy.rollingUpdate;
    if (!rolling) errors.push(field.required(p, ''));
    else {
      positiveIntOrPercent(rolling.maxUnavailable, p.child('maxUnavailable'), errors);
      positiveIntOrPercent(rolling.maxSurge, p.child('maxSurge'), errors);
      notMoreThan100Percent(rolling.maxUnavailable, p.child('maxUnavailable'), errors);
      notMoreThan100Percent(rolling.maxSurge, p.child('maxSurge'), errors);
      const zero = isZero(rolling.maxUnavailable);
      if (zero && isZero(rolling.maxSurge)) {
        errors.push(field.required(p.child('maxUnavailable'), 'cannot be 0 when maxSurge is 0'));
      } else if (!zero && !isZero(rolling.maxSurge)) {
        errors.push(
          field.invalid(p.child('maxSurge'), rolling.maxSurge, 'may not be set when maxUnavailable is non-zero'),
        );
      }
    }
  }
  return errors;
}

/** Checks a stateful set. */
export function validateStatefulSet(sts: V1StatefulSet): Errors {
  const errors: Errors = [];
  const spec = sts.spec;
  requiredEnum(spec?.podManagementPolicy, ['OrderedReady', 'Parallel'], SPEC.child('podManagementPolicy'), errors);
  const path = SPEC.child('updateStrategy');
  const strategy = spec?.updateStrategy;
  if (strategy?.type === 'RollingUpdate') {
    if (strategy.rollingUpdate) {
      const p = path.child('rollingUpdate');
      nonNegative(strategy.rollingUpdate.partition, p.child('partition'), errors);
      positiveIntOrPercent(strategy.rollingUpdate.maxUnavailable, p.child('maxUnavailable'), errors);
    }
  } else if (strategy?.type === 'OnDelete') {
    if (strategy.rollingUpdate) {
      errors.push(
        field.invalid(
          path.child('rollingUpdate'),
          strategy.rollingUpdate,
          `only allowed for updateStrategy 'RollingUpdate'`,
        ),
      );
    }
  } else if (!strategy?.type) {
    errors.push(field.required(path.child('type'), ''));
  } else {
    errors.push(field.invalid(path.child('type'), strategy.type, `must be 'RollingUpdate' or 'OnDelete'`));
  }
  const retention = spec?.persistentVolumeClaimRetentionPolicy;
  for (const name of ['whenDeleted', 'whenScaled'] as const) {
    const value = retention?.[name];
    if (value !== undefined && value !== 'Retain' && value !== 'Delete') {
      errors.push(
        field.notSupported(SPEC.child('persistentVolumeClaimRetentionPolicy', name), value, ['Retain', 'Delete']),
      );
    }
  }
  nonNegative(spec?.replicas, SPEC.child('replicas'), errors);
  nonNegative(spec?.minReadySeconds, SPEC.child('minReadySeconds'), errors);
  nonNegative(spec?.ordinals?.start, SPEC.child('ordinals', 'start'), errors);
  const fine = validateSelector(spec?.selector, 'statefulset', errors);
  validateTemplate(withClaimVolumes(spec), spec?.selector, fine, errors);
  each(spec?.volumeClaimTemplates, (claim, i) => {
    validatePersistentVolumeClaimSpec(claim.spec, SPEC.child('volumeClaimTemplates').index(i).child('spec'), errors);
  });
  return errors;
}

type StatefulSetSpec = NonNullable<V1StatefulSet['spec']>;

const mountsOfClaims = (spec: StatefulSetSpec): string[] =>
  list(spec.volumeClaimTemplates).map((c) => c.metadata?.name ?? '');

/** The template as pods will have it: with a volume for each claim template, so that mounts of them are known. */
function withClaimVolumes(spec: StatefulSetSpec | undefined): V1PodTemplateSpec | undefined {
  const claims = spec ? mountsOfClaims(spec) : [];
  if (!spec?.template?.spec || claims.length === 0) return spec?.template;
  const own = list(spec.template.spec.volumes);
  const extra = claims
    .filter((name) => name !== '' && !own.some((v) => v.name === name))
    .map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { ...spec.template, spec: { ...spec.template.spec, volumes: [...own, ...extra] } };
}

/** Checks an update of a stateful set: only a few fields of its spec may change. */
export function validateStatefulSetUpdate(sts: V1StatefulSet, old: V1StatefulSet): Errors {
  const errors: Errors = [];
  const mutable = [
    'replicas',
    'ordinals',
    'template',
    'updateStrategy',
    'persistentVolumeClaimRetentionPolicy',
    'minReadySeconds',
    'revisionHistoryLimit',
  ];
  const rest = (s: V1StatefulSet): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(s.spec ?? {})
        .filter(([key]) => !mutable.includes(key))
        .map(([key, value]) => [key, key === 'volumeClaimTemplates' ? withoutStatus(value) : value]),
    );
  if (!semanticEqual(rest(sts), rest(old))) {
    errors.push(
      field.forbidden(
        SPEC,
        `updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden`,
      ),
    );
  }
  return errors;
}

function withoutStatus(claims: unknown): unknown {
  if (!Array.isArray(claims)) return claims;
  return claims.map((claim: Record<string, unknown>) => ({ ...claim, status: undefined }));
}
