import type { V1Node, V1PodTemplateSpec, V1Taint, V1Toleration } from '@kubelab/api';
import type { DaemonSet } from '../framework/kinds.js';
import { admitsNode } from '../framework/node-affinity.js';
import { tolerates } from '../framework/tolerations.js';

const exists = (key: string, effect: string): V1Toleration => ({ key, operator: 'Exists', effect });

/** Daemons run on nodes in trouble: they are what may mend them. */
function daemonTolerations(hostNetwork: boolean | undefined): V1Toleration[] {
  const tolerations = [
    exists('node.kubernetes.io/not-ready', 'NoExecute'),
    exists('node.kubernetes.io/unreachable', 'NoExecute'),
    exists('node.kubernetes.io/disk-pressure', 'NoSchedule'),
    exists('node.kubernetes.io/memory-pressure', 'NoSchedule'),
    exists('node.kubernetes.io/pid-pressure', 'NoSchedule'),
    exists('node.kubernetes.io/unschedulable', 'NoSchedule'),
  ];
  return hostNetwork ? [...tolerations, exists('node.kubernetes.io/network-unavailable', 'NoSchedule')] : tolerations;
}

function withDaemonTolerations(template: V1PodTemplateSpec): V1Toleration[] {
  const own = template.spec?.tolerations ?? [];
  const added = daemonTolerations(template.spec?.hostNetwork).filter(
    (wanted) =>
      !own.some(({ key, operator, effect }) => key === wanted.key && operator === 'Exists' && effect === wanted.effect),
  );
  return [...own, ...added];
}

/** The daemon set's template for one node: the scheduler is told by affinity which node it is for. */
export function templateForNode(
  template: V1PodTemplateSpec,
  nodeName: string,
  labels: Record<string, string>,
): V1PodTemplateSpec {
  const spec = template.spec ?? { containers: [] };
  return {
    ...template,
    metadata: { ...template.metadata, labels: { ...template.metadata?.labels, ...labels } },
    spec: {
      ...spec,
      tolerations: withDaemonTolerations(template),
      affinity: {
        ...spec.affinity,
        nodeAffinity: {
          ...spec.affinity?.nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }],
          },
        },
      },
    },
  };
}

/** Whether a pod of the set should be started on the node, and whether one that is there may stay. */
export function shouldRun(ds: DaemonSet, node: V1Node): { run: boolean; stay: boolean } {
  const spec = ds.spec.template.spec ?? { containers: [] };
  if (spec.nodeName && spec.nodeName !== node.metadata?.name) return { run: false, stay: false };
  if (!admitsNode(spec, node)) return { run: false, stay: false };
  const tolerations = withDaemonTolerations(ds.spec.template);
  const borne = (taint: V1Taint): boolean => tolerations.some((toleration) => tolerates(toleration, taint));
  const taints = node.spec?.taints ?? [];
  const keptOut = taints.some((taint) => taint.effect !== 'PreferNoSchedule' && !borne(taint));
  if (!keptOut) return { run: true, stay: true };
  return { run: false, stay: taints.every((taint) => taint.effect !== 'NoExecute' || borne(taint)) };
}

/** The node a daemon pod is on, or is meant for while it waits for the scheduler. */
export function nodeOf(pod: { spec?: V1PodTemplateSpec['spec'] }): string {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const terms =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const term of terms) {
    for (const field of term.matchFields ?? []) {
      if (field.key === 'metadata.name' && field.operator === 'In' && field.values?.[0]) return field.values[0];
    }
  }
  return '';
}
