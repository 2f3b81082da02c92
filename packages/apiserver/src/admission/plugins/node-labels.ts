/** Labels of the kubernetes.io namespace that a kubelet may set on its own node. */
const allowed = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'failure-domain.kubernetes.io/zone',
  'failure-domain.kubernetes.io/region',
]);
const allowedNamespaces = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

/** Keys whose value was added, changed or removed. */
export function modifiedLabels(
  now: Record<string, string> | undefined,
  old: Record<string, string> | undefined,
): string[] {
  const keys = new Set([...Object.keys(now ?? {}), ...Object.keys(old ?? {})]);
  return [...keys].filter((k) => now?.[k] !== old?.[k]);
}

const isKubernetes = (namespace: string) =>
  namespace === 'kubernetes.io' ||
  namespace.endsWith('.kubernetes.io') ||
  namespace === 'k8s.io' ||
  namespace.endsWith('.k8s.io');

/**
 * The keys among `modified` that a kubelet may not touch: node-restriction.kubernetes.io always, other labels of
 * kubernetes.io and k8s.io that are not in the allowed set.
 */
export function forbiddenLabels(modified: string[], _create: boolean): string[] {
  return modified
    .filter((key) => {
      const slash = key.indexOf('/');
      const namespace = slash < 0 ? '' : key.slice(0, slash);
      if (namespace === 'node-restriction.kubernetes.io' || namespace.endsWith('.node-restriction.kubernetes.io'))
        return true;
      if (!isKubernetes(namespace)) return false;
      if (allowed.has(key)) return false;
      return !allowedNamespaces.some((n) => namespace === n || namespace.endsWith(`.${n}`));
    })
    .sort();
}
