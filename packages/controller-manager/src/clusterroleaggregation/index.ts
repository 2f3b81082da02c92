import type { V1ClusterRole, V1PolicyRule } from '@kubelab/api';
import { labelSelectorAsSelector, semanticEqual } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { canonicalText } from '../framework/canonical.js';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { ClusterRole } from '../framework/kinds.js';
import { Reconciler } from '../framework/reconciler.js';

/** The rules of all selected roles in order of name, each once. */
export function aggregatedRules(role: ClusterRole, roles: ClusterRole[]): V1PolicyRule[] {
  const rules = new Map<string, V1PolicyRule>();
  for (const labelSelector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const selector = labelSelectorAsSelector(labelSelector);
    const selected = roles
      .filter((other) => other.metadata.name !== role.metadata.name && selector.matches(other.metadata.labels))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    for (const rule of selected.flatMap((other) => other.rules ?? [])) {
      const text = canonicalText(rule);
      if (!rules.has(text)) rules.set(text, rule);
    }
  }
  return [...rules.values()];
}

/** Fills ClusterRoles with an aggregationRule from the roles it selects (admin, edit and view among them). */
export const clusterRoleAggregationController: ControllerDescriptor = {
  name: 'clusterrole-aggregation-controller',
  aliases: ['clusterrole-aggregation'],
  create({ client, informers, logger, options }) {
    const roles = informers.informer<ClusterRole>(gvr.clusterroles);

    async function reconcile(name: string): Promise<void> {
      const role = roles.lister.get(undefined, name);
      if (!role?.aggregationRule) return;
      const rules = aggregatedRules(role, roles.lister.list());
      if (semanticEqual(role.rules ?? [], rules)) return;
      await client.resource<V1ClusterRole>(gvr.clusterroles).update({ ...role, rules });
    }

    return new Reconciler({
      name: 'clusterrole-aggregation-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    }).watch(roles, (role) => [
      role.metadata.name,
      // Any role may be part of any aggregate.
      ...roles.lister
        .list()
        .filter((other) => other.aggregationRule)
        .map((other) => other.metadata.name),
    ]);
  },
};
