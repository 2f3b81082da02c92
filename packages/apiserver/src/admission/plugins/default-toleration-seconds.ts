import { isCore, only, podSpec } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Lets pods stay on a node for some minutes after it became not ready or unreachable. */
export class DefaultTolerationSeconds implements AdmissionPlugin {
  readonly name = 'DefaultTolerationSeconds';
  readonly handles = only('CREATE', 'UPDATE');

  constructor(
    private readonly notReadySeconds = 300,
    private readonly unreachableSeconds = 300,
  ) {}

  mutate(a: AdmissionAttributes): void {
    if (!a.object || !isCore(a, 'pods')) return;
    const spec = podSpec(a.object);
    const tolerations = spec.tolerations ?? [];
    const seconds = [this.notReadySeconds, this.unreachableSeconds];
    taints.forEach((key, i) => {
      const tolerated = tolerations.some((t) => (t.key === key || !t.key) && (t.effect === 'NoExecute' || !t.effect));
      if (tolerated) return;
      spec.tolerations = [
        ...(spec.tolerations ?? []),
        { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds[i] ?? 300 },
      ];
    });
  }
}
