import { isCore, only } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

/** A new node starts with the taint not-ready: nothing is scheduled before its conditions are known. */
export class TaintNodesByCondition implements AdmissionPlugin {
  readonly name = 'TaintNodesByCondition';
  readonly handles = only('CREATE');

  mutate(a: AdmissionAttributes): void {
    if (!a.object || !isCore(a, 'nodes')) return;
    const spec = (a.object.spec ?? {}) as { taints?: { key: string; effect: string }[] };
    a.object.spec = spec;
    const key = 'node.kubernetes.io/not-ready';
    if ((spec.taints ?? []).some((t) => t.key === key && t.effect === 'NoSchedule')) return;
    spec.taints = [...(spec.taints ?? []), { key, effect: 'NoSchedule' }];
  }
}
