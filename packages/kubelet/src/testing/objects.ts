/** For unit tests: pods and runtime states in few words. */
import type { V1Container, V1PodSpec } from '@kubelab/api';
import type { Pod } from '../pod/types.js';
import { containerHash } from '../runtime/container-hash.js';
import type { PodRuntimeState, RuntimeContainer, RuntimeSandbox } from '../runtime/types.js';

export function aPod(spec: Partial<V1PodSpec> = {}, metadata: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'ns', uid: 'u1', ...metadata },
    spec: { restartPolicy: 'Always', containers: [{ name: 'c', image: 'i' }], ...spec },
  };
}

export function aContainer(name: string, state: RuntimeContainer['state'], more: Partial<RuntimeContainer> = {}) {
  const spec: V1Container = { name, image: 'i' };
  const container: RuntimeContainer = {
    id: `${name}-id`,
    sandboxId: 's',
    name,
    state,
    createdAt: 1_000,
    startedAt: state === 'created' ? 0 : 2_000,
    finishedAt: state === 'exited' ? 3_000 : 0,
    exitCode: 0,
    image: 'i',
    imageRef: 'sha256:1',
    imageId: 'sha256:1',
    reason: '',
    message: '',
    restartCount: 0,
    hash: containerHash(spec),
    logPath: '/nowhere',
    annotations: {},
    ...more,
  };
  return container;
}

export function aSandbox(more: Partial<RuntimeSandbox> = {}): RuntimeSandbox {
  return {
    id: 's',
    uid: 'u1',
    name: 'p',
    namespace: 'ns',
    attempt: 0,
    ready: true,
    createdAt: 1,
    ips: ['10.0.0.2'],
    hostNetwork: false,
    ...more,
  };
}

export function aState(containers: RuntimeContainer[] = [], sandboxes = [aSandbox()]): PodRuntimeState {
  return { uid: 'u1', name: 'p', namespace: 'ns', sandboxes, containers };
}
