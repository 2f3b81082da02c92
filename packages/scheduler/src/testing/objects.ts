import type { V1Container, V1Node, V1Pod, V1PodSpec, V1Taint } from '@kubelab/api';

let serial = 0;

/** A pod of namespace `default` with a UID of its own; `requests` are its container's. */
export function aPod(
  name: string,
  o: {
    requests?: Record<string, string>;
    labels?: Record<string, string>;
    namespace?: string;
    node?: string;
    priority?: number;
    ports?: NonNullable<V1Container['ports']>;
    image?: string;
    spec?: Partial<V1PodSpec>;
    status?: V1Pod['status'];
    metadata?: V1Pod['metadata'];
  } = {},
): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: o.namespace ?? 'default',
      uid: `uid-${name}-${++serial}`,
      labels: o.labels,
      ...o.metadata,
    },
    spec: {
      containers: [
        { name: 'main', image: o.image ?? 'test', resources: o.requests && { requests: o.requests }, ports: o.ports },
      ],
      ...(o.node !== undefined && { nodeName: o.node }),
      ...(o.priority !== undefined && { priority: o.priority }),
      ...o.spec,
    },
    status: o.status,
  };
}

/** A ready node: 4 CPUs, 8 GiB, 10 pods unless said otherwise. */
export function aNode(
  name: string,
  o: {
    allocatable?: Record<string, string>;
    labels?: Record<string, string>;
    taints?: V1Taint[];
    unschedulable?: boolean;
    images?: { names: string[]; sizeBytes: number }[];
  } = {},
): V1Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `uid-${name}`, labels: { 'kubernetes.io/hostname': name, ...o.labels } },
    spec: { taints: o.taints, unschedulable: o.unschedulable },
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10', ...o.allocatable }, images: o.images },
  };
}
