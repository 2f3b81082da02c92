import { newForbidden, type StatusError } from '@kubelab/apimachinery';
import type { AuthorizationAttributes } from './authorizer.js';

/** What a user may not do, in Kubernetes' words: `User "x" cannot list resource "pods" in API group "" ...`. */
export function forbiddenMessage(a: AuthorizationAttributes): string {
  const user = JSON.stringify(a.user.name);
  if (!a.resourceRequest) return `User ${user} cannot ${a.verb} path ${JSON.stringify(a.path)}`;
  const resource = a.subresource ? `${a.resource}/${a.subresource}` : a.resource;
  const where = a.namespace !== '' ? ` in the namespace ${JSON.stringify(a.namespace)}` : ' at the cluster scope';
  return `User ${user} cannot ${a.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(a.apiGroup)}${where}`;
}

/** The 403 for a request that no authorizer allowed. */
export function newAccessForbidden(a: AuthorizationAttributes, reason = ''): StatusError {
  const message = reason === '' ? forbiddenMessage(a) : `${forbiddenMessage(a)}: ${reason}`;
  return newForbidden({ group: a.apiGroup, resource: a.resource }, a.name, message);
}
