import type { PolicyRule } from '../authorizer.js';
import { events, read, rule } from './rules.js';

/** A default Role, and whom it is bound to: users by name, service accounts of kube-system as `sa:<name>`. */
export interface DefaultNamespaceRole {
  namespace: string;
  name: string;
  rules: PolicyRule[];
  subjects: string[];
  /** Name of the binding where it is not the role's. */
  bindingName?: string;
}

const controllerManager = 'system:kube-controller-manager';
const scheduler = 'system:kube-scheduler';

/** The Roles and RoleBindings of a stock cluster. */
export const namespaceRoles: DefaultNamespaceRole[] = [
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    rules: [rule(read, 'core', 'configmaps', ['extension-apiserver-authentication'])],
    subjects: [controllerManager, scheduler],
    bindingName: 'system::extension-apiserver-authentication-reader',
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:bootstrap-signer',
    rules: [rule(read, 'core', 'secrets')],
    subjects: ['sa:bootstrap-signer'],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:cloud-provider',
    rules: [rule(`create ${read}`, 'core', 'configmaps')],
    subjects: ['sa:cloud-provider'],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:token-cleaner',
    rules: [rule(`delete ${read}`, 'core', 'secrets'), events()],
    subjects: ['sa:token-cleaner'],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-controller-manager',
    rules: [
      rule('watch', 'core', 'configmaps'),
      rule('get update', 'core', 'configmaps', ['kube-controller-manager']),
      rule(`create update ${read}`, 'coordination.k8s.io', 'leases'),
    ],
    subjects: [controllerManager, 'sa:kube-controller-manager', 'sa:leader-election-controller'],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-scheduler',
    rules: [rule('watch', 'core', 'configmaps'), rule('get update', 'core', 'configmaps', ['kube-scheduler'])],
    subjects: [scheduler, 'sa:kube-scheduler'],
  },
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: [rule(read, 'core', 'configmaps'), rule('update', 'core', 'configmaps', ['cluster-info']), events()],
    subjects: ['sa:bootstrap-signer'],
  },
];
