import { FieldPath, field } from '@kubelab/apimachinery';
import type { V1Lease } from '../generated/types.js';
import { type Errors, positive } from './common.js';

/** Checks a lease. */
export function validateLease(lease: V1Lease): Errors {
  const errors: Errors = [];
  const spec = FieldPath.of('spec');
  positive(lease.spec?.leaseDurationSeconds, spec.child('leaseDurationSeconds'), errors);
  if (lease.spec?.leaseTransitions !== undefined && lease.spec.leaseTransitions < 0) {
    errors.push(
      field.invalid(spec.child('leaseTransitions'), lease.spec.leaseTransitions, 'must be greater than or equal to 0'),
    );
  }
  if (lease.spec?.strategy !== undefined && lease.spec.strategy === '') {
    errors.push(field.required(spec.child('strategy'), ''));
  }
  return errors;
}
