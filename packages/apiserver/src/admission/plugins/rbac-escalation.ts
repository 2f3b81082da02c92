import { checkRoleRefUnchanged, type EscalationChecker } from '../../authorization/escalation.js';
import { isRbacObject, rbacGroup } from '../../authorization/rbac.js';
import { only } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

/** Runs the privilege escalation check on roles and bindings. Always on where RBAC is; not one of the flag's plugins. */
export class RbacEscalation implements AdmissionPlugin {
  readonly name = 'RBACEscalation';
  readonly handles = only('CREATE', 'UPDATE');

  constructor(private readonly checker: EscalationChecker) {}

  validate(a: AdmissionAttributes): void | Promise<void> {
    if (a.resource.group !== rbacGroup || !a.object) return;
    if (
      a.operation === 'UPDATE' &&
      a.oldObject &&
      isRbacObject(a.oldObject) &&
      isRbacObject(a.object) &&
      a.object.roleRef
    ) {
      checkRoleRefUnchanged(a.object, a.oldObject);
    }
    return this.checker.check(a.user, a.object, a.oldObject);
  }
}
