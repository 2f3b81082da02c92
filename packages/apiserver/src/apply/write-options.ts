import { type FieldError, FieldPath, field, newInvalid, validateFieldManager } from '@kubelab/apimachinery';

/**
 * Checks fieldManager and force of a write's query.
 * @returns force
 * @throws StatusError Invalid
 */
export function checkWriteOptions(
  query: URLSearchParams,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  isApply: boolean,
): boolean {
  const errors: FieldError[] = [];
  const manager = query.get('fieldManager') ?? '';
  errors.push(...validateFieldManager(manager, FieldPath.of('fieldManager')));
  const force = query.get('force');
  if (isApply && manager === '') errors.push(field.required('fieldManager', 'is required for apply patch'));
  if (!isApply && kind === 'PatchOptions' && force !== null) {
    errors.push(field.forbidden('force', 'may not be specified for non-apply patch'));
  }
  if (errors.length > 0) throw newInvalid({ group: 'meta.k8s.io', kind }, '', errors);
  return force !== null && force !== 'false' && force !== '0';
}
