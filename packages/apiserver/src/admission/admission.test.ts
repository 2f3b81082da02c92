import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/authenticator.js';
import { MemoryObjects } from '../test-objects.js';
import { createAdmission } from './build.js';
import { enabledPlugins } from './chain.js';
import type { AdmissionAttributes, AdmissionOperation } from './plugin.js';

const core = (resource: string) => ({ group: '', resource });
const admin: UserInfo = { name: 'admin', groups: ['system:masters'] };

function attributes(
  resource: string,
  object: KubeObject | undefined,
  o: Partial<AdmissionAttributes> = {},
): AdmissionAttributes & { warnings: string[] } {
  const [group = '', name = ''] = resource.includes('/') ? resource.split('/') : ['', resource];
  const warnings: string[] = [];
  return {
    operation: 'CREATE' as AdmissionOperation,
    kind: { group, version: 'v1', kind: object?.kind ?? '' },
    resource: { group, version: 'v1', resource: name },
    subresource: '',
    namespace: object?.metadata.namespace ?? '',
    name: object?.metadata.name ?? '',
    ...(object ? { object } : {}),
    dryRun: false,
    user: admin,
    addWarning: (w) => warnings.push(w),
    addAuditAnnotation: () => undefined,
    warnings,
    ...o,
  };
}

const pod = (spec: object = {}, meta: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'dev', ...meta },
  spec: { containers: [{ name: 'c', image: 'x' }], ...spec } as Record<string, unknown>,
});

function setup(enable: string[] = ['NodeRestriction']) {
  const objects = new MemoryObjects();
  objects.put(core('namespaces'), { metadata: { name: 'dev' }, status: { phase: 'Active' } });
  objects.put(core('serviceaccounts'), { metadata: { name: 'default', namespace: 'dev' } });
  const authorizer = { authorize: () => ({ decision: 'noOpinion' as const }) };
  const chain = createAdmission({ enable, disable: [], objects, authorizer });
  const admit = async (a: AdmissionAttributes) => {
    await chain.mutate(a);
    await chain.validate(a);
    return a.object as KubeObject & { spec: Record<string, never> };
  };
  return { objects, chain, admit };
}

describe('the chain', () => {
  it('follows the flags', () => {
    const on = enabledPlugins(['NodeRestriction'], ['Priority']);
    assert.ok(on.includes('NodeRestriction') && !on.includes('Priority'));
    assert.ok(on.indexOf('NamespaceLifecycle') < on.indexOf('ResourceQuota'));
    assert.throws(() => enabledPlugins(['Nonsense'], []), /unknown/);
  });
});

describe('a new pod', () => {
  it('gets its service account, token, tolerations and priority', async () => {
    const { admit } = setup();
    const { spec } = await admit(attributes('pods', pod()));
    const s = spec as unknown as {
      serviceAccountName: string;
      priority: number;
      tolerations: { key: string }[];
      volumes: { name: string; projected: { sources: object[] } }[];
      containers: { volumeMounts: { name: string; mountPath: string; readOnly: boolean }[] }[];
    };
    assert.equal(s.serviceAccountName, 'default');
    assert.equal(s.priority, 0);
    assert.deepEqual(
      s.tolerations.map((t) => t.key),
      ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'],
    );
    assert.match(s.volumes[0]?.name ?? '', /^kube-api-access-/);
    assert.equal(s.volumes[0]?.projected.sources.length, 3);
    assert.deepEqual(s.containers[0]?.volumeMounts, [
      { name: s.volumes[0]?.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    ]);
  });
  it('gets no token when it does not want one', async () => {
    const { admit } = setup();
    const { spec } = await admit(attributes('pods', pod({ automountServiceAccountToken: false })));
    assert.equal(spec.volumes, undefined);
  });
  it('is refused without its account, class or namespace', async () => {
    const { admit, objects } = setup();
    await assert.rejects(
      admit(attributes('pods', pod({ serviceAccountName: 'none' }))),
      /pods "p" is forbidden: error looking up service account dev\/none: serviceaccount "none" not found/,
    );
    await assert.rejects(
      admit(attributes('pods', pod({ priorityClassName: 'none' }))),
      /no PriorityClass with name none was found/,
    );
    await assert.rejects(
      admit(attributes('configmaps', { ...pod(), metadata: { name: 'x', namespace: 'gone' } })),
      /namespaces "gone" not found/,
    );
    objects.put(core('namespaces'), { metadata: { name: 'dev' }, status: { phase: 'Terminating' } });
    await assert.rejects(
      admit(attributes('configmaps', pod())),
      /unable to create new content in namespace dev because it is being terminated/,
    );
  });
  it('gets system priority classes before they are stored', async () => {
    const { admit } = setup();
    const { spec } = await admit(attributes('pods', pod({ priorityClassName: 'system-node-critical' })));
    assert.equal(spec.priority, 2_000_001_000);
  });
});

describe('NodeRestriction', () => {
  const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] };
  it('keeps a kubelet to its own node', async () => {
    const { admit } = setup();
    const n = (name: string, labels = {}) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
    await admit(attributes('nodes', n('n1', { 'kubernetes.io/hostname': 'n1' }), { user: node }));
    await assert.rejects(
      admit(attributes('nodes', n('n2'), { user: node })),
      /node "n1" is not allowed to modify node "n2"/,
    );
    await assert.rejects(
      admit(attributes('nodes', n('n1', { 'node-restriction.kubernetes.io/x': '1' }), { user: node })),
      /is not allowed to set the following labels: node-restriction\.kubernetes\.io\/x/,
    );
    await assert.rejects(
      admit(attributes('pods', pod({ automountServiceAccountToken: false }), { user: node })),
      /can only create mirror pods/,
    );
  });
});

describe('LimitRanger', () => {
  it('fills and bounds', async () => {
    const { admit, objects } = setup();
    objects.put(core('limitranges'), {
      metadata: { name: 'l', namespace: 'dev' },
      spec: {
        limits: [
          {
            type: 'Container',
            default: { cpu: '200m' },
            defaultRequest: { cpu: '100m' },
            max: { cpu: '1' },
            min: { cpu: '50m' },
          },
        ],
      },
    });
    const filled = await admit(attributes('pods', pod()));
    assert.deepEqual((filled.spec.containers as unknown as { resources: object }[])[0]?.resources, {
      requests: { cpu: '100m' },
      limits: { cpu: '200m' },
    });
    assert.equal(
      filled.metadata.annotations?.['kubernetes.io/limit-ranger'],
      'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
    );
    const big = pod({ containers: [{ name: 'c', resources: { requests: { cpu: '1' }, limits: { cpu: '2' } } }] });
    await assert.rejects(admit(attributes('pods', big)), /maximum cpu usage per Container is 1, but limit is 2/);
  });
});

describe('ResourceQuota', () => {
  it('charges and refuses', async () => {
    const { admit, objects } = setup();
    objects.put(core('resourcequotas'), {
      metadata: { name: 'q', namespace: 'dev' },
      spec: { hard: { pods: '2', 'requests.cpu': '1' } },
      status: { hard: { pods: '2', 'requests.cpu': '1' }, used: { pods: '0', 'requests.cpu': '0' } },
    });
    const cpu = (v: string) => pod({ containers: [{ name: 'c', resources: { requests: { cpu: v } } }] });
    await assert.rejects(admit(attributes('pods', pod())), /failed quota: q: must specify requests.cpu for: c/);
    await admit(attributes('pods', cpu('600m')));
    const q = (await objects.get(core('resourcequotas'), 'dev', 'q')) as KubeObject & { status: { used: object } };
    assert.deepEqual(q.status.used, { pods: '1', 'requests.cpu': '600m' });
    await assert.rejects(
      admit(attributes('pods', cpu('500m'))),
      /exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1/,
    );
    // Together they would exceed it: one of them loses.
    const both = await Promise.allSettled([
      admit(attributes('pods', cpu('300m'))),
      admit(attributes('pods', cpu('300m'))),
    ]);
    assert.deepEqual(both.map((r) => r.status).sort(), ['fulfilled', 'rejected']);
  });
});

describe('PodSecurity', () => {
  it('enforces and warns', async () => {
    const { admit, objects } = setup();
    objects.put(core('namespaces'), {
      metadata: {
        name: 'dev',
        labels: { 'pod-security.kubernetes.io/enforce': 'baseline', 'pod-security.kubernetes.io/warn': 'restricted' },
      },
    });
    const a = attributes('pods', pod());
    await admit(a);
    assert.deepEqual(a.warnings, [
      'would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"])',
    ]);
    await assert.rejects(
      admit(attributes('pods', pod({ hostNetwork: true }))),
      /pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces \(hostNetwork=true\)/,
    );
  });
});
