import { FieldPath, field, isQualifiedName, Quantity } from '@kubelab/apimachinery';
import type { V1LimitRange, V1LimitRangeItem, V1ResourceQuota } from '../generated/types.js';
import { type Errors, each, entries, immutable, invalidAll, list } from './common.js';
import { validateResourceQuantity } from './pod/resources.js';

const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];
const STANDARD_QUOTA = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
]);

function validateQuotaName(name: string, path: FieldPath, errors: Errors): void {
  invalidAll(path, name, isQualifiedName(name), errors);
  const special = /^(requests\.)?hugepages-/.test(name);
  if (!name.includes('/') && !STANDARD_QUOTA.has(name) && !special) {
    errors.push(
      field.invalid(path, name, 'must be a standard resource type or fully qualified'),
      field.invalid(path, name, 'must be a standard resource for quota'),
    );
  }
}

/** Checks a quota. */
export function validateResourceQuota(quota: V1ResourceQuota): Errors {
  const errors: Errors = [];
  const spec = FieldPath.of('spec');
  for (const [name, value] of entries(quota.spec?.hard)) {
    const p = spec.child('hard').key(name);
    validateQuotaName(name, p, errors);
    validateResourceQuantity(name, value, p, errors);
    if (
      /^(count\/|pods$|services|secrets$|configmaps$|persistentvolumeclaims$|resourcequotas$|replicationcontrollers$)/.test(
        name,
      )
    ) {
      const q = Quantity.tryParse(value);
      if (q && q.milliValue() % 1000n !== 0n && !errors.some((e) => e.field === String(p))) {
        errors.push(field.invalid(p, value, 'must be an integer'));
      }
    }
  }
  const scopes = list(quota.spec?.scopes);
  const path = spec.child('scopes');
  for (const s of scopes) if (!SCOPES.includes(s)) errors.push(field.invalid(path, scopes, 'unsupported scope'));
  const conflicts: [string, string][] = [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ];
  for (const [a, b] of conflicts) {
    if (scopes.includes(a) && scopes.includes(b)) errors.push(field.invalid(path, scopes, 'conflicting scopes'));
  }
  each(quota.spec?.scopeSelector?.matchExpressions, (e, i) => {
    const p = spec.child('scopeSelector', 'matchExpressions').index(i);
    if (!SCOPES.includes(e.scopeName))
      errors.push(field.invalid(p.child('scopeName'), e.scopeName, 'unsupported scope'));
    if (['In', 'NotIn'].includes(e.operator)) {
      if (list(e.values).length === 0) {
        errors.push(
          field.required(
            p.child('values'),
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
          ),
        );
      }
    } else if (['Exists', 'DoesNotExist'].includes(e.operator)) {
      if (list(e.values).length > 0) {
        errors.push(
          field.invalid(
            p.child('values'),
            e.values,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
          ),
        );
      }
    } else errors.push(field.invalid(p.child('operator'), e.operator ?? '', 'not a valid selector operator'));
  });
  return errors;
}

/** Checks an update of a quota: its scopes stay. */
export function validateResourceQuotaUpdate(quota: V1ResourceQuota, old: V1ResourceQuota): Errors {
  const errors = validateResourceQuota(quota);
  immutable(
    [...list(quota.spec?.scopes)].sort(),
    [...list(old.spec?.scopes)].sort(),
    FieldPath.of('spec', 'scopes'),
    errors,
  );
  return errors;
}

type Bound = 'min' | 'max' | 'default' | 'defaultRequest';

function validateItem(item: V1LimitRangeItem, path: FieldPath, errors: Errors): void {
  const at = (kind: Bound, name: string): Quantity | undefined => Quantity.tryParse(item[kind]?.[name]);
  const names = new Set(
    (['min', 'max', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const).flatMap((k) =>
      Object.keys(item[k] ?? {}),
    ),
  );
  if (item.type === 'Pod') {
    for (const kind of ['default', 'defaultRequest'] as const) {
      if (Object.keys(item[kind] ?? {}).length > 0) {
        errors.push(field.forbidden(path.child(kind), "may not be specified when `type` is 'Pod'"));
      }
    }
  }
  if (item.type === 'PersistentVolumeClaim' && !item.min?.storage && !item.max?.storage) {
    errors.push(
      field.required(
        path.child('limits'),
        'either minimum or maximum storage value is required, but neither was provided',
      ),
    );
  }
  for (const name of names) {
    for (const kind of ['min', 'max', 'default', 'defaultRequest'] as const) {
      const value = item[kind]?.[name];
      if (value !== undefined) validateResourceQuantity(name, value, path.child(kind).key(name), errors);
    }
    const order: [Bound, Bound, string][] = [
      ['min', 'max', 'min value %a is greater than max value %b'],
      ['defaultRequest', 'max', 'default request value %a is greater than max value %b'],
      ['min', 'defaultRequest', 'min value %a is greater than default request value %b'],
      ['default', 'max', 'default value %a is greater than max value %b'],
      ['defaultRequest', 'default', 'default request value %a is greater than default limit value %b'],
      ['min', 'default', 'min value %a is greater than default value %b'],
    ];
    for (const [low, high, message] of order) {
      const a = at(low, name);
      const b = at(high, name);
      if (!a || !b || a.cmp(b) <= 0) continue;
      const shown = low === 'min' || low === 'defaultRequest' ? low : high;
      const where = message.startsWith('default value') ? 'default' : shown;
      errors.push(
        field.invalid(
          path.child(where).key(name),
          a.toString(),
          message.replace('%a', a.toString()).replace('%b', b.toString()),
        ),
      );
    }
    const ratio = Quantity.tryParse(item.maxLimitRequestRatio?.[name]);
    if (ratio && ratio.cmp(Quantity.fromValue(1)) < 0) {
      errors.push(
        field.invalid(path.child('maxLimitRequestRatio').key(name), ratio.toString(), `ratio ${ratio} is less than 1`),
      );
    }
  }
}

/** Checks a limit range. */
export function validateLimitRange(range: V1LimitRange): Errors {
  const errors: Errors = [];
  const seen = new Set<string>();
  each(range.spec?.limits, (item, i) => {
    const p = FieldPath.of('spec', 'limits').index(i);
    if (!item.type) errors.push(field.required(p.child('type'), ''));
    else invalidAll(p.child('type'), item.type, isQualifiedName(item.type), errors);
    if (seen.has(item.type)) errors.push(field.duplicate(p.child('type'), item.type));
    seen.add(item.type);
    validateItem(item, p, errors);
  });
  return errors;
}
