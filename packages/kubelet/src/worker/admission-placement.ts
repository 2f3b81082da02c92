import type {
  V1ContainerPort,
  V1NodeSelectorRequirement,
  V1NodeSelectorTerm,
  V1Taint,
  V1Toleration,
} from '@kubelab/api';
import { type LabelOperator, newSelector } from '@kubelab/apimachinery';
import { isSidecar, isStaticPod, type Pod } from '../pod/types.js';
import type { Rejection } from './admission.js';

/** What the scheduler would have looked at: pods that were bound past it are checked again by the node. */
export interface PlacementContext {
  nodeName: string;
  nodeLabels: Record<string, string>;
  nodeTaints: V1Taint[];
  /** Pods on the node that have been admitted and have not ended. */
  active: Pod[];
}

const predicate = (name: string, description: string): Rejection => ({
  reason: name,
  message: `Pod was rejected: Predicate ${name} failed: ${description}`,
});

/** Node affinity, host ports and NoExecute taints; undefined is yes. */
export function admitPlacement(pod: Pod, context: PlacementContext): Rejection | undefined {
  if (!matchesNode(pod, context)) return predicate('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  const others = context.active.filter((other) => other.metadata.uid !== pod.metadata.uid);
  const taken = others.flatMap(hostPorts);
  if (hostPorts(pod).some((port) => taken.some((other) => conflict(port, other)))) {
    return predicate('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  }
  const tolerations = pod.spec.tolerations ?? [];
  const repels = (taint: V1Taint) =>
    taint.effect === 'NoExecute' && !tolerations.some((toleration) => tolerates(toleration, taint));
  if (!isStaticPod(pod) && context.nodeTaints.some(repels)) {
    return predicate('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  }
  return undefined;
}

function matchesNode(pod: Pod, { nodeName, nodeLabels }: PlacementContext): boolean {
  const selector = Object.entries(pod.spec.nodeSelector ?? {});
  if (!selector.every(([key, value]) => nodeLabels[key] === value)) return false;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return true;
  const matches = ({ matchExpressions = [], matchFields = [] }: V1NodeSelectorTerm) =>
    matchExpressions.length + matchFields.length > 0 &&
    holds(matchExpressions, nodeLabels) &&
    holds(matchFields, { 'metadata.name': nodeName });
  return required.nodeSelectorTerms.some(matches);
}

const operators: Record<string, LabelOperator> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
};

function holds(requirements: V1NodeSelectorRequirement[], values: Record<string, string>): boolean {
  const parsed = requirements.flatMap(({ key, operator, values: wanted = [] }) => {
    const known = operators[operator];
    return known ? { key, operator: known, values: wanted } : [];
  });
  // An operator from the future can't be judged: it does not match.
  return parsed.length === requirements.length && newSelector(parsed).matches(values);
}

type HostPort = Required<Pick<V1ContainerPort, 'hostPort' | 'hostIP' | 'protocol'>>;

function hostPorts(pod: Pod): HostPort[] {
  const containers = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers];
  return containers
    .flatMap((container) => container.ports ?? [])
    .flatMap(({ hostPort = 0, hostIP, protocol }) =>
      hostPort > 0 ? { hostPort, hostIP: hostIP || '0.0.0.0', protocol: protocol || 'TCP' } : [],
    );
}

/** The unspecified address takes the port on all of them. */
function conflict(a: HostPort, b: HostPort): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol) return false;
  return a.hostIP === b.hostIP || a.hostIP === '0.0.0.0' || b.hostIP === '0.0.0.0';
}

function tolerates({ key, operator, value, effect }: V1Toleration, taint: V1Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  return operator === 'Exists' || (Boolean(key) && (value ?? '') === (taint.value ?? ''));
}
