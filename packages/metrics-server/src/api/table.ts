import { Quantity } from '@kubelab/apimachinery';
import type { NodeMetrics, PodMetrics, ResourceUsage } from './objects.js';

const column = (name: string, description: string, format = '') => ({
  name,
  type: 'string',
  format,
  description,
  priority: 0,
});

/** metav1.Table of metrics, as `kubectl get nodes.metrics.k8s.io` shows it. */
export function tableOf(items: (NodeMetrics | PodMetrics)[]): object {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {},
    columnDefinitions: [
      column('Name', 'Name of the resource', 'name'),
      column('cpu', 'CPU usage', 'quantity'),
      column('memory', 'Memory usage', 'quantity'),
      column('Window', 'Time over which the usage was measured', 'duration'),
    ],
    rows: items.map((item) => ({
      cells: [item.metadata.name, ...totals(item), item.window],
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: item.metadata },
    })),
  };
}

function totals(item: NodeMetrics | PodMetrics): string[] {
  const usages: ResourceUsage[] = 'usage' in item ? [item.usage] : item.containers.map(({ usage }) => usage);
  return (['cpu', 'memory'] as const).map((resource) =>
    usages.reduce((sum, usage) => sum.add(Quantity.parse(usage[resource])), Quantity.zero).toString(),
  );
}

/** Whether the client asks for a table before anything else that it would take. */
export function wantsTable(accept: string | undefined): boolean {
  const [first = ''] = (accept ?? '').split(',');
  return /;\s*as=Table\b/.test(first);
}
