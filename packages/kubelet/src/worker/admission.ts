import { Quantity } from '@kubelab/apimachinery';
import { qosClass } from '../pod/qos.js';
import { podResources } from '../pod/resources.js';
import type { Pod } from '../pod/types.js';
import { admitPlacement, type PlacementContext } from './admission-placement.js';
import { isCritical } from './preemption.js';

/** Why the node does not run a pod that was bound to it. */
export interface Rejection {
  reason: string;
  message: string;
  /** What the node lacks, when that is all that is wrong. */
  shortages?: Map<string, Quantity>;
}

export interface AdmissionContext extends PlacementContext {
  allocatable: Record<string, string>;
  /** Node conditions that are True: MemoryPressure and such. */
  pressures: string[];
  allowedUnsafeSysctls: string[];
  /** The node is shutting down. */
  shuttingDown: boolean;
}

/** Sysctls that are namespaced and harmless to neighbours (KEP-34). */
const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

const bestEffortOnly = 'MemoryPressure';

/** Decides whether the node takes the pod; undefined is yes. */
export function admitPod(pod: Pod, context: AdmissionContext): Rejection | undefined {
  return (
    admitNodeState(pod, context) ??
    admitSysctls(pod, context.allowedUnsafeSysctls) ??
    admitPlacement(pod, context) ??
    admitResources(pod, context)
  );
}

function admitNodeState(pod: Pod, context: AdmissionContext): Rejection | undefined {
  if (context.shuttingDown)
    return { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' };
  if (pod.spec.os?.name && pod.spec.os.name !== 'linux') {
    return {
      reason: 'PodOSNotSupported',
      message: "Failed to admit pod as the OS field doesn't match node OS",
    };
  }
  if (context.pressures.length === 0 || isCritical(pod)) return undefined;
  const onlyMemory = context.pressures.every((name) => name === bestEffortOnly);
  if (onlyMemory && qosClass(pod) !== 'BestEffort') return undefined;
  const tolerated = (pod.spec.tolerations ?? []).some(
    (toleration) =>
      toleration.key === 'node.kubernetes.io/memory-pressure' || (!toleration.key && toleration.operator === 'Exists'),
  );
  if (onlyMemory && tolerated) return undefined;
  return { reason: 'Evicted', message: `Pod was rejected: The node had condition: [${context.pressures.join(' ')}]. ` };
}

function admitSysctls(pod: Pod, allowed: string[]): Rejection | undefined {
  for (const { name } of pod.spec.securityContext?.sysctls ?? []) {
    const dotted = name.replaceAll('/', '.');
    const ok = safeSysctls.has(dotted) || allowed.some((pattern) => matchesSysctl(pattern, dotted));
    if (!ok)
      return { reason: 'SysctlForbidden', message: `Pod was rejected: forbidden sysctl: "${name}" not allowlisted` };
  }
  return undefined;
}

function matchesSysctl(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

function admitResources(pod: Pod, context: AdmissionContext): Rejection | undefined {
  const shortages = resourceShortages(pod, context);
  const [first] = shortages;
  if (!first) return undefined;
  const { name, requested, used, capacity } = first;
  const show = (quantity: Quantity) => (name === 'cpu' ? quantity.milliValue() : quantity.value());
  const numbers = `requested: ${show(requested)}, used: ${show(used)}, capacity: ${show(capacity)}`;
  return {
    reason: `OutOf${name}`,
    message: `Pod was rejected: Node didn't have enough resource: ${name}, ${numbers}`,
    shortages: new Map(
      shortages.map((shortage) => [shortage.name, shortage.requested.add(shortage.used).sub(shortage.capacity)]),
    ),
  };
}

interface Shortage {
  name: string;
  requested: Quantity;
  used: Quantity;
  capacity: Quantity;
}

function resourceShortages(pod: Pod, context: AdmissionContext): Shortage[] {
  const others = context.active.filter((other) => other.metadata.uid !== pod.metadata.uid);
  const shortages: Shortage[] = [];
  const check = (name: string, requested: Quantity, used: Quantity) => {
    const capacity = Quantity.parseOrZero(context.allocatable[name]);
    if (used.add(requested).cmp(capacity) > 0) shortages.push({ name, requested, used, capacity });
  };
  if (!Quantity.parseOrZero(context.allocatable.pods).isZero()) {
    check('pods', Quantity.parse('1'), Quantity.parse(String(others.length)));
  }
  for (const [name, requested] of podResources(pod, 'requests')) {
    if (requested.isZero() || !(name in context.allocatable)) continue;
    let used = Quantity.zero;
    for (const other of others) used = used.add(podResources(other, 'requests').get(name) ?? Quantity.zero);
    check(name, requested, used);
  }
  return shortages;
}
