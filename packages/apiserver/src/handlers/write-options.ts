import { FieldPath, field, newInvalid, validateFieldManager } from '@kubelab/apimachinery';

/** Whether the request is a dry run. @throws StatusError Invalid for a value that is not `All` */
export function dryRunOf(values: string[]): boolean {
  for (const value of values) {
    if (value !== '' && value !== 'All') {
      throw newInvalid({ group: 'meta.k8s.io', kind: 'CreateOptions' }, '', [
        field.notSupported(FieldPath.of('dryRun'), value, ['All']),
      ]);
    }
  }
  return values.includes('All');
}

/** The manager that the written fields are noted for. @throws StatusError Invalid */
export function fieldManagerOf(query: URLSearchParams, userAgent: string | undefined): string {
  const manager = query.get('fieldManager') ?? '';
  const errors = validateFieldManager(manager, FieldPath.of('fieldManager'));
  if (errors.length > 0) {
    throw newInvalid({ group: 'meta.k8s.io', kind: 'CreateOptions' }, '', errors);
  }
  // Without a name the client's is taken from its User-Agent (managedFields, handlers/fieldmanager).
  return manager || (userAgent ?? '').split('/', 1)[0]?.slice(0, 128) || 'unknown';
}
