import {
  type FieldPath,
  field,
  isDns1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
  validateLabelSelector,
} from '@kubelab/apimachinery';
import type {
  V1Affinity,
  V1NodeSelector,
  V1NodeSelectorTerm,
  V1PodAffinityTerm,
  V1Toleration,
  V1TopologySpreadConstraint,
  V1WeightedPodAffinityTerm,
} from '../../generated/types.js';
import { type Errors, each, invalidAll, list, requiredEnum } from '../common.js';

function validateNodeSelectorTerm(term: V1NodeSelectorTerm, path: FieldPath, errors: Errors): void {
  each(term.matchExpressions, (r, i) => {
    const p = path.child('matchExpressions').index(i);
    const values = list(r.values);
    switch (r.operator) {
      case 'In':
      case 'NotIn':
        if (values.length === 0) {
          errors.push(field.required(p.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (values.length > 0) {
          errors.push(
            field.forbidden(p.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
          );
        }
        break;
      case 'Gt':
      case 'Lt':
        if (values.length !== 1) {
          errors.push(
            field.required(p.child('values'), "must be specified single value when `operator` is 'Lt' or 'Gt'"),
          );
        }
        break;
      default:
        errors.push(field.invalid(p.child('operator'), r.operator ?? '', 'not a valid selector operator'));
    }
    invalidAll(p.child('key'), r.key ?? '', isQualifiedName(r.key ?? ''), errors);
    each(values, (v, j) => invalidAll(p.child('values').index(j), v, isValidLabelValue(v), errors));
  });
  each(term.matchFields, (r, i) => {
    const p = path.child('matchFields').index(i);
    if (r.operator !== 'In' && r.operator !== 'NotIn') {
      errors.push(field.invalid(p.child('operator'), r.operator ?? '', 'not a valid selector operator'));
    } else if (list(r.values).length !== 1) {
      errors.push(
        field.required(
          p.child('values'),
          "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        ),
      );
    }
    if (r.key !== 'metadata.name') {
      errors.push(field.invalid(p.child('key'), r.key ?? '', 'not a valid field selector key'));
    }
  });
}

/** Checks a node selector (affinity, volumes). */
export function validateNodeSelector(selector: V1NodeSelector, path: FieldPath, errors: Errors): void {
  const p = path.child('nodeSelectorTerms');
  if (list(selector.nodeSelectorTerms).length === 0) {
    errors.push(field.required(p, 'must have at least one node selector term'));
  }
  each(selector.nodeSelectorTerms, (t, i) => validateNodeSelectorTerm(t, p.index(i), errors));
}

function validateTopologyKey(key: string | undefined, path: FieldPath, errors: Errors): void {
  if (!key) errors.push(field.required(path, 'can not be empty'));
  else invalidAll(path, key, isQualifiedName(key), errors);
}

function validatePodAffinityTerm(term: V1PodAffinityTerm, path: FieldPath, errors: Errors): void {
  errors.push(...validateLabelSelector(term.labelSelector, path.child('labelSelector')));
  errors.push(...validateLabelSelector(term.namespaceSelector, path.child('namespaceSelector')));
  for (const name of list(term.namespaces)) invalidAll(path.child('namespace'), name, isDns1123Subdomain(name), errors);
  validateTopologyKey(term.topologyKey, path.child('topologyKey'), errors);
}

function validateWeighted(terms: V1WeightedPodAffinityTerm[] | undefined, path: FieldPath, errors: Errors): void {
  each(terms, (t, i) => {
    const p = path.index(i);
    validateWeight(t.weight, p.child('weight'), errors);
    validatePodAffinityTerm(t.podAffinityTerm ?? { topologyKey: '' }, p.child('podAffinityTerm'), errors);
  });
}

function validateWeight(weight: number, path: FieldPath, errors: Errors): void {
  if (!(weight >= 1 && weight <= 100)) errors.push(field.invalid(path, weight ?? 0, 'must be in the range 1-100'));
}

/** Checks node and pod affinity. */
export function validateAffinity(affinity: V1Affinity | undefined, path: FieldPath, errors: Errors): void {
  const node = affinity?.nodeAffinity;
  if (node) {
    const p = path.child('nodeAffinity');
    if (node.requiredDuringSchedulingIgnoredDuringExecution) {
      validateNodeSelector(
        node.requiredDuringSchedulingIgnoredDuringExecution,
        p.child('requiredDuringSchedulingIgnoredDuringExecution'),
        errors,
      );
    }
    each(node.preferredDuringSchedulingIgnoredDuringExecution, (t, i) => {
      const tp = p.child('preferredDuringSchedulingIgnoredDuringExecution').index(i);
      validateWeight(t.weight, tp.child('weight'), errors);
      validateNodeSelectorTerm(t.preference ?? {}, tp.child('preference'), errors);
    });
  }
  for (const name of ['podAffinity', 'podAntiAffinity'] as const) {
    const pods = affinity?.[name];
    if (!pods) continue;
    const p = path.child(name);
    each(pods.requiredDuringSchedulingIgnoredDuringExecution, (t, i) => {
      validatePodAffinityTerm(t, p.child('requiredDuringSchedulingIgnoredDuringExecution').index(i), errors);
    });
    validateWeighted(
      pods.preferredDuringSchedulingIgnoredDuringExecution,
      p.child('preferredDuringSchedulingIgnoredDuringExecution'),
      errors,
    );
  }
}

const EFFECTS = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

/** Checks tolerations. */
export function validateTolerations(tolerations: V1Toleration[] | undefined, path: FieldPath, errors: Errors): void {
  each(tolerations, (t, i) => {
    const p = path.index(i);
    if (t.key) invalidAll(p.child('key'), t.key, isQualifiedName(t.key), errors);
    if (!t.key && t.operator !== 'Exists') {
      errors.push(
        field.invalid(
          p.child('operator'),
          t.operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    }
    if (t.tolerationSeconds !== undefined && t.effect !== 'NoExecute') {
      errors.push(
        field.invalid(p.child('effect'), t.effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"),
      );
    }
    if (t.operator === undefined || t.operator === '' || t.operator === 'Equal') {
      const messages = isValidLabelValue(t.value ?? '');
      if (messages.length > 0) errors.push(field.invalid(p.child('operator'), t.value, messages.join(';')));
    } else if (t.operator === 'Exists') {
      if (t.value)
        errors.push(field.invalid(p.child('operator'), t, "value must be empty when `operator` is 'Exists'"));
    } else {
      errors.push(field.notSupported(p.child('operator'), t.operator, ['Equal', 'Exists']));
    }
    if (t.effect) {
      if (!EFFECTS.includes(t.effect)) {
        errors.push(field.notSupported(p.child('effect'), t.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']));
      }
    }
  });
}

/** Checks topology spread constraints. */
export function validateTopologySpread(
  constraints: V1TopologySpreadConstraint[] | undefined,
  path: FieldPath,
  errors: Errors,
): void {
  const seen = new Set<string>();
  each(constraints, (c, i) => {
    const p = path.index(i);
    if (!(c.maxSkew > 0)) errors.push(field.invalid(p.child('maxSkew'), c.maxSkew ?? 0, 'must be greater than zero'));
    validateTopologyKey(c.topologyKey, p.child('topologyKey'), errors);
    const allowed = ['DoNotSchedule', 'ScheduleAnyway'];
    if (!allowed.includes(c.whenUnsatisfiable)) {
      errors.push(field.notSupported(p.child('whenUnsatisfiable'), c.whenUnsatisfiable ?? '', allowed));
    }
    const pair = `{${c.topologyKey}, ${c.whenUnsatisfiable}}`;
    if (seen.has(pair)) errors.push(field.duplicate(p.child('{topologyKey, whenUnsatisfiable}'), pair));
    seen.add(pair);
    if (c.minDomains !== undefined) {
      if (c.minDomains <= 0) errors.push(field.invalid(p.child('minDomains'), c.minDomains, 'must be greater than 0'));
      if (c.whenUnsatisfiable !== 'DoNotSchedule') {
        errors.push(
          field.invalid(
            p.child('minDomains'),
            c.minDomains,
            `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${c.whenUnsatisfiable}`,
          ),
        );
      }
    }
    for (const name of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      if (c[name] !== undefined) requiredEnum(c[name], ['Honor', 'Ignore'], p.child(name), errors);
    }
    errors.push(...validateLabelSelector(c.labelSelector, p.child('labelSelector')));
  });
}
