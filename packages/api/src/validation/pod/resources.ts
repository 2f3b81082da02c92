import { type FieldPath, field, isQualifiedName, Quantity } from '@kubelab/apimachinery';
import type { V1ResourceRequirements } from '../../generated/types.js';
import { type Errors, each, entries, isNegativeErrorMsg } from '../common.js';

const STANDARD_CONTAINER = new Set(['cpu', 'memory', 'ephemeral-storage']);

export const isHugePage = (name: string): boolean => name.startsWith('hugepages-');
/** Names without a domain, or of kubernetes.io. */
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
/** Resources of device plugins and the like: counted in whole numbers. */
export const isExtendedResource = (name: string): boolean =>
  !isNativeResource(name) && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`).length === 0;

/** Checks the name of a container's resource. */
export function validateContainerResourceName(name: string, path: FieldPath, errors: Errors): void {
  const messages = isQualifiedName(name);
  for (const message of messages) errors.push(field.invalid(path, name, message));
  if (messages.length > 0) return;
  if (!name.includes('/')) {
    if (!STANDARD_CONTAINER.has(name) && !isHugePage(name)) {
      errors.push(field.invalid(path, name, 'must be a standard resource for containers'));
    }
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(field.invalid(path, name, "doesn't follow extended resource name standard"));
  }
}

/** Checks a quantity for a resource: not negative, whole numbers where the resource is counted. */
export function validateResourceQuantity(name: string, value: string, path: FieldPath, errors: Errors): void {
  const quantity = Quantity.tryParse(value);
  if (!quantity) return;
  if (quantity.sign() < 0) errors.push(field.invalid(path, value, isNegativeErrorMsg));
  const whole = !isNativeResource(name) || ['pods', 'services', 'secrets', 'configmaps'].includes(name);
  if (whole && quantity.milliValue() % 1000n !== 0n) errors.push(field.invalid(path, value, 'must be an integer'));
}

function validateHugePages(name: string, value: string, path: FieldPath, errors: Errors): void {
  if (!isHugePage(name)) return;
  const size = Quantity.tryParse(name.slice('hugepages-'.length));
  const quantity = Quantity.tryParse(value);
  if (size && quantity && size.sign() > 0 && quantity.value() % size.value() !== 0n) {
    errors.push(field.invalid(path, value, 'must be a multiple of the huge page size'));
  }
}

/** Checks requests against limits, names, and whole numbers. */
export function validateResourceRequirements(
  r: V1ResourceRequirements | undefined,
  claimNames: Set<string> | undefined,
  path: FieldPath,
  errors: Errors,
): void {
  if (!r) return;
  const limitsPath = path.child('limits');
  const requestsPath = path.child('requests');
  let hasHugePages = false;
  let hasCpuOrMemory = false;
  const note = (name: string): void => {
    if (isHugePage(name)) hasHugePages = true;
    if (name === 'cpu' || name === 'memory') hasCpuOrMemory = true;
  };
  for (const [name, value] of entries(r.limits)) {
    const p = limitsPath.key(name);
    validateContainerResourceName(name, p, errors);
    validateResourceQuantity(name, value, p, errors);
    validateHugePages(name, value, p, errors);
    note(name);
  }
  for (const [name, value] of entries(r.requests)) {
    const p = requestsPath.key(name);
    validateContainerResourceName(name, p, errors);
    validateResourceQuantity(name, value, p, errors);
    note(name);
    const limit = r.limits?.[name];
    const counted = isExtendedResource(name) || isHugePage(name);
    if (limit !== undefined) {
      const request = Quantity.tryParse(value);
      const bound = Quantity.tryParse(limit);
      if (!request || !bound) continue;
      if (counted && request.cmp(bound) !== 0) {
        errors.push(field.invalid(requestsPath, value, `must be equal to ${name} limit of ${limit}`));
      } else if (!counted && request.cmp(bound) > 0) {
        errors.push(field.invalid(requestsPath, value, `must be less than or equal to ${name} limit of ${limit}`));
      }
    } else if (counted) {
      errors.push(field.required(limitsPath, 'Limit must be set for non overcommitable resources'));
    }
  }
  if (hasHugePages && !hasCpuOrMemory) {
    errors.push(field.forbidden(path, 'HugePages require cpu or memory'));
  }
  const seen = new Set<string>();
  each(r.claims, (claim, i) => {
    const p = path.child('claims').index(i);
    const id = `${claim.name}/${claim.request ?? ''}`;
    if (!claim.name) errors.push(field.required(p.child('name'), ''));
    else if (seen.has(id)) errors.push(field.duplicate(p, claim));
    else if (claimNames && !claimNames.has(claim.name)) errors.push(field.notFound(p.child('name'), claim.name));
    seen.add(id);
  });
}
