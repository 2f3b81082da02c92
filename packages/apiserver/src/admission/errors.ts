import { newForbidden, type StatusError } from '@kubelab/apimachinery';
import type { AdmissionAttributes } from './plugin.js';

/** The 403 of an admission plugin. */
export function admissionForbidden(a: AdmissionAttributes, message: string): StatusError {
  const name =
    a.object?.metadata?.name || a.object?.metadata?.generateName || a.name || a.oldObject?.metadata.name || 'Unknown';
  return newForbidden({ group: a.resource.group, resource: a.resource.resource }, name, message);
}
