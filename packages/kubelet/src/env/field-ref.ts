import type { V1Container, V1ResourceFieldSelector } from '@kubelab/api';
import { Quantity } from '@kubelab/apimachinery';
import { findContainer, type Pod } from '../pod/types.js';

/** What fieldRefs read beside the pod's spec. */
export interface FieldContext {
  podIps: string[];
  hostIps: string[];
  nodeName: string;
}

const subscript = /^metadata\.(annotations|labels)\['(.*)'\]$/;

/** Go's %q of a label or annotation value, as the downward API formats maps. */
const quoted = (text: string) => JSON.stringify(text);

function formatMap(map: Record<string, string> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${quoted(map?.[key] ?? '')}`)
    .join('\n');
}

/** The value of a downward API field. Throws for a path that is not supported. */
export function fieldValue(pod: Pod, path: string, context: FieldContext): string {
  const match = subscript.exec(path);
  if (match) {
    const map = match[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations;
    return map?.[match[2] ?? ''] ?? '';
  }
  switch (path) {
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations);
    case 'metadata.labels':
      return formatMap(pod.metadata.labels);
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace;
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'spec.nodeName':
      return pod.spec.nodeName ?? context.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return context.hostIps[0] ?? '';
    case 'status.hostIPs':
      return context.hostIps.join(',');
    case 'status.podIP':
      return context.podIps[0] ?? '';
    case 'status.podIPs':
      return context.podIps.join(',');
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}

/** Allocatable of the node: the value of a limit that is not set. */
export type Allocatable = Record<string, string>;

/** The value of a resourceFieldRef, divided by its divisor and rounded up. */
export function resourceValue(
  pod: Pod,
  own: V1Container | undefined,
  selector: V1ResourceFieldSelector,
  allocatable: Allocatable,
): string {
  const container = selector.containerName ? findContainer(pod, selector.containerName)?.container : own;
  if (!container) throw new Error(`container ${selector.containerName ?? ''} not found`);
  const [list, ...rest] = selector.resource.split('.');
  const name = rest.join('.');
  if ((list !== 'limits' && list !== 'requests') || name === '') {
    throw new Error(`Unsupported container resource : ${selector.resource}`);
  }
  const text =
    list === 'limits'
      ? (container.resources?.limits?.[name] ?? allocatable[name])
      : (container.resources?.requests?.[name] ?? container.resources?.limits?.[name]);
  const value = Quantity.parseOrZero(text);
  const divisor = Quantity.parse(!selector.divisor || selector.divisor === '0' ? '1' : selector.divisor);
  if (name === 'cpu') return String(Math.ceil(Number(value.milliValue()) / Number(divisor.milliValue())));
  const quotient = value.value() / divisor.value();
  return String(value.value() % divisor.value() === 0n ? quotient : quotient + 1n);
}
