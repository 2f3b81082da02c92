import { Quantity } from '@kubelab/apimachinery';
import type { V1Container, V1PodSpec } from '../generated/types.js';

type Totals = Map<string, Quantity>;

function add(to: Totals, resources: Record<string, string> | undefined): void {
  for (const [k, v] of Object.entries(resources ?? {})) to.set(k, (to.get(k) ?? Quantity.zero).add(Quantity.parse(v)));
}

function raise(to: Totals, other: Totals): void {
  for (const [k, q] of other) to.set(k, (to.get(k) ?? Quantity.zero).max(q));
}

/**
 * What a pod needs: the sum of its containers (restartable init containers included), or its largest init container
 * with the sidecars that run by then, whichever is more; plus the overhead. Resources at pod level win.
 */
export function podTotals(spec: V1PodSpec, kind: 'requests' | 'limits'): Totals {
  const total: Totals = new Map();
  for (const c of spec.containers ?? []) add(total, c.resources?.[kind]);
  const sidecars: Totals = new Map();
  const peak: Totals = new Map();
  for (const c of spec.initContainers ?? []) {
    if ((c as V1Container & { restartPolicy?: string }).restartPolicy === 'Always') {
      add(sidecars, c.resources?.[kind]);
      add(total, c.resources?.[kind]);
      raise(peak, sidecars);
    } else {
      const during: Totals = new Map(sidecars);
      add(during, c.resources?.[kind]);
      raise(peak, during);
    }
  }
  raise(total, peak);
  for (const [k, v] of Object.entries(spec.resources?.[kind] ?? {})) total.set(k, Quantity.parse(v));
  for (const [k, v] of Object.entries(spec.overhead ?? {})) {
    // A limit exists only where one was given.
    if (kind === 'requests' || total.has(k)) total.set(k, (total.get(k) ?? Quantity.zero).add(Quantity.parse(v)));
  }
  return total;
}
