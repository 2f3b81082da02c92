import type { PolicyRule } from '../authorizer.js';
import { read, readWrite, rule, urls, write } from './rules.js';

/** A default ClusterRole, before its common labels and annotations. */
export interface DefaultRole {
  name: string;
  labels?: Record<string, string>;
  rules?: PolicyRule[];
  /** Value of the label `rbac.authorization.k8s.io/aggregate-to-<x>: "true"` that this role collects. */
  aggregates?: string;
}

const to = (role: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${role}`]: 'true' });

/** The roles for people: cluster-admin, admin, edit, view, and the parts that the last three are aggregated from. */
export const userRoles: DefaultRole[] = [
  { name: 'cluster-admin', rules: [rule('*', '*', '*'), urls('*', '*')] },
  { name: 'admin', aggregates: 'admin' },
  { name: 'edit', aggregates: 'edit', labels: to('admin') },
  { name: 'view', aggregates: 'view', labels: to('edit') },
  {
    name: 'system:aggregate-to-admin',
    labels: to('admin'),
    rules: [
      rule('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
      rule(readWrite, 'rbac.authorization.k8s.io', 'roles rolebindings'),
    ],
  },
  {
    name: 'system:aggregate-to-edit',
    labels: to('edit'),
    rules: [
      rule(read, 'core', 'pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy'),
      rule('impersonate', 'core', 'serviceaccounts'),
      rule(write, 'core', 'pods pods/attach pods/proxy pods/exec pods/portforward'),
      rule('create', 'core', 'pods/eviction'),
      rule(
        write,
        'core',
        'replicationcontrollers replicationcontrollers/scale serviceaccounts services services/proxy persistentvolumeclaims configmaps secrets events',
      ),
      rule('create', 'core', 'serviceaccounts/token'),
      rule(
        write,
        'apps',
        'statefulsets statefulsets/scale daemonsets deployments deployments/scale deployments/rollback replicasets replicasets/scale',
      ),
      rule(write, 'autoscaling', 'horizontalpodautoscalers'),
      rule(write, 'batch', 'jobs cronjobs'),
      rule(
        write,
        'extensions',
        'daemonsets deployments deployments/scale deployments/rollback ingresses replicasets replicasets/scale replicationcontrollers/scale networkpolicies',
      ),
      rule(write, 'policy', 'poddisruptionbudgets'),
      rule(write, 'networking.k8s.io', 'networkpolicies ingresses'),
      rule(readWrite, 'coordination.k8s.io', 'leases'),
    ],
  },
  {
    name: 'system:aggregate-to-view',
    labels: to('view'),
    rules: [
      rule(
        read,
        'core',
        'pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status endpoints persistentvolumeclaims persistentvolumeclaims/status configmaps',
      ),
      rule(
        read,
        'core',
        'limitranges resourcequotas bindings events pods/status resourcequotas/status namespaces/status replicationcontrollers/status pods/log',
      ),
      rule(read, 'core', 'namespaces'),
      rule(read, 'discovery.k8s.io', 'endpointslices'),
      rule(
        read,
        'apps',
        'controllerrevisions statefulsets statefulsets/status statefulsets/scale daemonsets daemonsets/status deployments deployments/status deployments/scale replicasets replicasets/status replicasets/scale',
      ),
      rule(read, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
      rule(read, 'batch', 'jobs jobs/status cronjobs cronjobs/status'),
      rule(
        read,
        'extensions',
        'daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status replicasets replicasets/scale replicasets/status replicationcontrollers/scale networkpolicies',
      ),
      rule(read, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
      rule(read, 'networking.k8s.io', 'networkpolicies ingresses ingresses/status'),
    ],
  },
];
