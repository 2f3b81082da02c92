import { type FieldError, FieldPath, field, newBadRequest, newInvalid } from '@kubelab/apimachinery';

const matchPath = FieldPath.of('resourceVersionMatch');
const initialPath = FieldPath.of('sendInitialEvents');
const withContinue = 'resourceVersionMatch is forbidden when continue is provided';

/**
 * Refuses the combinations of list parameters that mean nothing, as Kubernetes' ValidateListOptions does.
 * @throws StatusError Invalid, BadRequest
 */
export function validateListOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch');
  const version = query.get('resourceVersion');
  const errors: FieldError[] = [];
  if (match) {
    if (!version) {
      errors.push(field.forbidden(matchPath, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    }
    if (query.get('continue')) errors.push(field.forbidden(matchPath, withContinue));
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push(field.notSupported(matchPath, match, ['Exact', 'NotOlderThan', '']));
    }
    if (match === 'Exact' && version === '0') {
      errors.push(field.forbidden(matchPath, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (query.has('sendInitialEvents')) {
    errors.push(field.forbidden(initialPath, 'sendInitialEvents is forbidden for list'));
  }
  refuse(errors);
  if (query.get('continue') && version && version !== '0') {
    throw newBadRequest('specifying resource version is not allowed when using continue');
  }
}

/** The same for watches (KEP-3157). @throws StatusError Invalid */
export function validateWatchOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch');
  const errors: FieldError[] = [];
  const initial = query.has('sendInitialEvents');
  if (initial && match !== 'NotOlderThan') {
    const text = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    errors.push(field.forbidden(matchPath, text));
  }
  if (match) {
    if (!initial) {
      const text = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
      errors.push(field.forbidden(matchPath, text));
    }
    if (match !== 'NotOlderThan') errors.push(field.notSupported(matchPath, match, ['NotOlderThan']));
    if (query.get('continue')) errors.push(field.forbidden(matchPath, withContinue));
  }
  refuse(errors);
}

function refuse(errors: FieldError[]): void {
  if (errors.length > 0) throw newInvalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
}
