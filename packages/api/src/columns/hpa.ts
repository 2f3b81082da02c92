import type { V2HorizontalPodAutoscaler, V2MetricSpec, V2MetricStatus } from '../generated/types.js';

type Target = { averageUtilization?: number; averageValue?: string; value?: string };

const ofResource = (name: string, current: Target | undefined, target: Target | undefined): string => {
  if (target?.averageValue !== undefined)
    return `${name}: ${current?.averageValue ?? '<unknown>'}/${target.averageValue}`;
  const now = current?.averageUtilization === undefined ? '<unknown>' : `${current.averageUtilization}%`;
  return `${name}: ${now}/${target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`}`;
};

function metricText(spec: V2MetricSpec, status: V2MetricStatus | undefined): string {
  switch (spec.type) {
    case 'Resource':
      return ofResource(spec.resource?.name ?? '', status?.resource?.current, spec.resource?.target);
    case 'ContainerResource':
      return ofResource(
        spec.containerResource?.name ?? '',
        status?.containerResource?.current,
        spec.containerResource?.target,
      );
    case 'Pods':
      return `${status?.pods?.current?.averageValue ?? '<unknown>'}/${spec.pods?.target?.averageValue ?? '<auto>'}`;
    case 'Object':
    case 'External': {
      const target = spec.object?.target ?? spec.external?.target;
      const current = status?.object?.current ?? status?.external?.current;
      return target?.averageValue !== undefined
        ? `${current?.averageValue ?? '<unknown>'}/${target.averageValue} (avg)`
        : `${current?.value ?? '<unknown>'}/${target?.value ?? '<auto>'}`;
    }
    default:
      return '<unknown type>';
  }
}

/** The TARGETS cell of an autoscaler: two metrics at most and how many more. */
export function hpaTargets(hpa: V2HorizontalPodAutoscaler): string {
  const specs = hpa.spec?.metrics ?? [];
  if (specs.length === 0) return '<none>';
  const texts = specs.map((m, i) => metricText(m, hpa.status?.currentMetrics?.[i]));
  return texts.length > 2 ? `${texts.slice(0, 2).join(', ')} + ${texts.length - 2} more...` : texts.join(', ');
}
