import { FieldPath, field, isPathSegmentName, Quantity, validateLabelSelector } from '@kubelab/apimachinery';
import type {
  V1PodDisruptionBudget,
  V2HorizontalPodAutoscaler,
  V2HPAScalingRules,
  V2MetricSpec,
  V2MetricTarget,
} from '../generated/types.js';
import { type Errors, each, invalidAll, nonNegative, notMoreThan100Percent, positiveIntOrPercent } from './common.js';

const SPEC = FieldPath.of('spec');

function validateReference(ref: { kind?: string; name?: string } | undefined, path: FieldPath, errors: Errors): void {
  for (const name of ['kind', 'name'] as const) {
    const value = ref?.[name];
    if (!value) errors.push(field.required(path.child(name), ''));
    else invalidAll(path.child(name), value, isPathSegmentName(value), errors);
  }
}

function validateTarget(t: V2MetricTarget | undefined, path: FieldPath, errors: Errors): void {
  if (!t?.type) {
    errors.push(field.required(path.child('type'), 'must specify a metric target type'));
    return;
  }
  const types = ['Utilization', 'Value', 'AverageValue'];
  if (!types.includes(t.type))
    errors.push(field.invalid(path.child('type'), t.type, 'must be either Utilization, Value, or AverageValue'));
  for (const name of ['value', 'averageValue'] as const) {
    const q = Quantity.tryParse(t[name]);
    if (q && q.sign() !== 1) errors.push(field.invalid(path.child(name), t[name], 'must be positive'));
  }
  if (t.averageUtilization !== undefined && t.averageUtilization < 1) {
    errors.push(field.invalid(path.child('averageUtilization'), t.averageUtilization, 'must be greater than 0'));
  }
}

function validateMetric(m: V2MetricSpec, path: FieldPath, errors: Errors): void {
  const sources: Record<string, 'object' | 'pods' | 'resource' | 'external' | 'containerResource'> = {
    Object: 'object',
    Pods: 'pods',
    Resource: 'resource',
    External: 'external',
    ContainerResource: 'containerResource',
  };
  if (!m.type) {
    errors.push(field.required(path.child('type'), 'must specify a metric source type'));
    return;
  }
  const kind = sources[m.type];
  if (!kind) {
    errors.push(field.notSupported(path.child('type'), m.type, Object.keys(sources).sort()));
    return;
  }
  for (const other of Object.values(sources)) {
    if (other !== kind && m[other]) {
      errors.push(field.forbidden(path.child(other), 'must populate the given metric source only'));
    }
  }
  const source = m[kind];
  const p = path.child(kind);
  if (!source) {
    errors.push(field.required(p, 'must populate information for the given metric source'));
    return;
  }
  if ('name' in source || kind === 'resource' || kind === 'containerResource') {
    const s = source as { name?: string; container?: string; target?: V2MetricTarget };
    if (!s.name) errors.push(field.required(p.child('name'), 'must specify a resource name'));
    if (kind === 'containerResource' && !s.container)
      errors.push(field.required(p.child('container'), 'must specify a container'));
    validateTarget(s.target, p.child('target'), errors);
    if (s.target && s.target.averageUtilization === undefined && s.target.averageValue === undefined) {
      errors.push(
        field.required(
          p.child('target', 'averageUtilization'),
          'must set either a target raw value or a target utilization',
        ),
      );
    }
    return;
  }
  const s = source as {
    metric?: { name?: string; selector?: Parameters<typeof validateLabelSelector>[0] };
    target?: V2MetricTarget;
    describedObject?: { kind?: string; name?: string };
  };
  if (!s.metric?.name) errors.push(field.required(p.child('metric', 'name'), 'must specify a metric name'));
  errors.push(...validateLabelSelector(s.metric?.selector, p.child('metric', 'selector')));
  if (kind === 'object') validateReference(s.describedObject, p.child('describedObject'), errors);
  validateTarget(s.target, p.child('target'), errors);
  if (kind === 'pods' && s.target && Quantity.tryParse(s.target.averageValue)?.sign() !== 1) {
    errors.push(field.required(p.child('target', 'averageValue'), 'must specify a positive target averageValue'));
  }
}

function validateRules(rules: V2HPAScalingRules | undefined, path: FieldPath, errors: Errors): void {
  if (!rules) return;
  const w = rules.stabilizationWindowSeconds;
  nonNegative(w, path.child('stabilizationWindowSeconds'), errors);
  if (w !== undefined && w > 3600) {
    errors.push(field.invalid(path.child('stabilizationWindowSeconds'), w, 'must be less than or equal to 3600'));
  }
  if (rules.selectPolicy !== undefined && !['Disabled', 'Max', 'Min'].includes(rules.selectPolicy)) {
    errors.push(field.notSupported(path.child('selectPolicy'), rules.selectPolicy, ['Disabled', 'Max', 'Min']));
  }
  if (!rules.policies?.length) errors.push(field.required(path.child('policies'), 'must specify at least one Policy'));
  each(rules.policies, (policy, i) => {
    const p = path.child('policies').index(i);
    if (!['Percent', 'Pods'].includes(policy.type))
      errors.push(field.notSupported(p.child('type'), policy.type ?? '', ['Percent', 'Pods']));
    if (!(policy.value > 0))
      errors.push(field.invalid(p.child('value'), policy.value ?? 0, 'must be greater than zero'));
    if (!(policy.periodSeconds > 0))
      errors.push(field.invalid(p.child('periodSeconds'), policy.periodSeconds ?? 0, 'must be greater than zero'));
    else if (policy.periodSeconds > 1800)
      errors.push(field.invalid(p.child('periodSeconds'), policy.periodSeconds, 'must be less than or equal to 1800'));
  });
}

/** Checks a horizontal pod autoscaler (v2). */
export function validateHorizontalPodAutoscaler(hpa: V2HorizontalPodAutoscaler): Errors {
  const errors: Errors = [];
  const spec = hpa.spec;
  if (spec?.minReplicas !== undefined && spec.minReplicas < 1) {
    errors.push(field.invalid(SPEC.child('minReplicas'), spec.minReplicas, 'must be greater than or equal to 1'));
  }
  const max = spec?.maxReplicas ?? 0;
  if (max < 1) errors.push(field.invalid(SPEC.child('maxReplicas'), max, 'must be greater than 0'));
  if (spec?.minReplicas !== undefined && max < spec.minReplicas) {
    errors.push(field.invalid(SPEC.child('maxReplicas'), max, 'must be greater than or equal to `minReplicas`'));
  }
  validateReference(spec?.scaleTargetRef, SPEC.child('scaleTargetRef'), errors);
  each(spec?.metrics, (m, i) => validateMetric(m, SPEC.child('metrics').index(i), errors));
  validateRules(spec?.behavior?.scaleUp, SPEC.child('behavior', 'scaleUp'), errors);
  validateRules(spec?.behavior?.scaleDown, SPEC.child('behavior', 'scaleDown'), errors);
  return errors;
}

/** Checks a disruption budget. */
export function validatePodDisruptionBudget(pdb: V1PodDisruptionBudget): Errors {
  const errors: Errors = [];
  const spec = pdb.spec;
  if (spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    errors.push(field.invalid(SPEC, spec, 'minAvailable and maxUnavailable cannot be both set'));
  }
  for (const name of ['minAvailable', 'maxUnavailable'] as const) {
    positiveIntOrPercent(spec?.[name], SPEC.child(name), errors);
    notMoreThan100Percent(spec?.[name], SPEC.child(name), errors);
  }
  errors.push(...validateLabelSelector(spec?.selector, SPEC.child('selector')));
  const policy = spec?.unhealthyPodEvictionPolicy;
  if (policy !== undefined && !['AlwaysAllow', 'IfHealthyBudget'].includes(policy)) {
    errors.push(
      field.notSupported(SPEC.child('unhealthyPodEvictionPolicy'), policy, ['AlwaysAllow', 'IfHealthyBudget']),
    );
  }
  return errors;
}
