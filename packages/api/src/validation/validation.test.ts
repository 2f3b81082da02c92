import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatFieldError, type KubeObject } from '@kubelab/apimachinery';
import { resources } from '../groups/index.js';

type Plain = Record<string, unknown>;

/** What a server answers for an object: its errors as text, after defaulting and preparation. */
function errorsOf(gvr: string, object: Plain): string[] {
  const { entry, obj } = prepared(gvr, object);
  return (entry.strategy.validateCreate?.(obj, { version: 'v1' }) ?? []).map(formatFieldError);
}

function prepared(gvr: string, object: Plain) {
  const [resource = '', version = 'v1', ...group] = gvr.split('.');
  const entry = resources.lookup(group.join('.'), version, resource);
  assert.ok(entry, gvr);
  const obj = { apiVersion: 'v1', kind: entry.kind, ...structuredClone(object) } as unknown as KubeObject;
  entry.defaults?.(obj, version);
  entry.strategy.prepareForCreate?.(obj, { version });
  return { entry, obj };
}

function updateErrors(gvr: string, object: Plain, change: (obj: KubeObject) => void): string[] {
  const { entry, obj } = prepared(gvr, object);
  const now = structuredClone(obj);
  change(now);
  entry.strategy.prepareForUpdate?.(now, obj, { version: 'v1' });
  return (entry.strategy.validateUpdate?.(now, obj, { version: 'v1' }) ?? []).map(formatFieldError);
}

const container = { name: 'c', image: 'nginx' };
const pod = (spec: Plain): Plain => ({
  metadata: { name: 'p', namespace: 'd' },
  spec: { containers: [container], ...spec },
});
const withContainer = (c: Plain): Plain => pod({ containers: [{ ...container, ...c }] });
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } };
const deployment = (spec: Plain): Plain => ({
  metadata: { name: 'd' },
  spec: { selector: { matchLabels: { a: 'b' } }, template, ...spec },
});
const service = (spec: Plain): Plain => ({ metadata: { name: 's' }, spec: { ports: [{ port: 80 }], ...spec } });

const cases: [string, string, Plain, string[]][] = [
  ['a plain pod', 'pods.v1.', pod({}), []],
  ['no containers', 'pods.v1.', pod({ containers: [] }), ['spec.containers: Required value']],
  ['no image', 'pods.v1.', withContainer({ image: '' }), ['spec.containers[0].image: Required value']],
  [
    'two of a name',
    'pods.v1.',
    pod({ containers: [container, container] }),
    ['spec.containers[1].name: Duplicate value: "c"'],
  ],
  [
    'an unknown volume',
    'pods.v1.',
    withContainer({ volumeMounts: [{ name: 'x', mountPath: '/x' }] }),
    ['spec.containers[0].volumeMounts[0].name: Not found: "x"'],
  ],
  [
    'a restart policy that is none',
    'pods.v1.',
    pod({ restartPolicy: 'Maybe' }),
    ['spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"'],
  ],
  [
    'requests above limits',
    'pods.v1.',
    withContainer({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
    ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
  ],
  [
    'a port out of range',
    'pods.v1.',
    withContainer({ ports: [{ containerPort: 70000 }] }),
    ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
  ],
  [
    'two volume types',
    'pods.v1.',
    pod({ volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] }),
    ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
  ],
  [
    'two probe handlers',
    'pods.v1.',
    withContainer({ livenessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 1 } } }),
    ['spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type'],
  ],
  [
    'toleration seconds without NoExecute',
    'pods.v1.',
    pod({ tolerations: [{ key: 'k', operator: 'Exists', tolerationSeconds: 1 }] }),
    [`spec.tolerations[0].effect: Invalid value: "": effect must be 'NoExecute' when \`tolerationSeconds\` is set`],
  ],
  ['a plain deployment', 'deployments.v1.apps', deployment({}), []],
  [
    'a selector that does not match',
    'deployments.v1.apps',
    deployment({ selector: { matchLabels: { x: 'y' } } }),
    ['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
  ],
  [
    'negative replicas',
    'deployments.v1.apps',
    deployment({ replicas: -1 }),
    ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
  ],
  [
    'a deployment of pods that end',
    'deployments.v1.apps',
    deployment({ template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } }),
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  ['no ports', 'services.v1.', service({ ports: [] }), ['spec.ports: Required value']],
  [
    'a service type that is none',
    'services.v1.',
    service({ type: 'Pipe' }),
    ['spec.type: Unsupported value: "Pipe": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
  ],
  [
    'two unnamed ports',
    'services.v1.',
    service({ ports: [{ port: 1 }, { port: 2 }] }),
    ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
  ],
  [
    'a config map key',
    'configmaps.v1.',
    { metadata: { name: 'c' }, data: { 'a/b': 'c' } },
    [
      `data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
    ],
  ],
  [
    'a TLS secret without a key',
    'secrets.v1.',
    { metadata: { name: 's' }, type: 'kubernetes.io/tls', data: { 'tls.crt': '' } },
    ['data[tls.key]: Required value'],
  ],
  [
    'a cron job with a bad schedule',
    'cronjobs.v1.batch',
    {
      metadata: { name: 'c' },
      spec: {
        schedule: '* *',
        jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
      },
    },
    ['spec.schedule: Invalid value: "* *": expected exactly 5 fields, found 2: [* *]'],
  ],
  [
    'a role binding to nothing',
    'rolebindings.v1.rbac.authorization.k8s.io',
    { metadata: { name: 'r' }, roleRef: { kind: 'Role', name: '' } },
    ['roleRef.name: Required value'],
  ],
  [
    'an ingress without rules',
    'ingresses.v1.networking.k8s.io',
    { metadata: { name: 'i' }, spec: {} },
    ['spec: Invalid value: []: either `defaultBackend` or `rules` must be specified'],
  ],
];

describe('validation of new objects', () => {
  for (const [name, gvr, object, expected] of cases) {
    it(`${gvr}: ${name}`, () => assert.deepEqual(errorsOf(gvr, object), expected));
  }
});

const updates: [string, string, Plain, (obj: KubeObject) => void, RegExp | undefined][] = [
  ['the image of a pod', 'pods.v1.', pod({}), (p) => setPath(p, 'spec.containers.0.image', 'other'), undefined],
  [
    'the restart policy of a pod',
    'pods.v1.',
    pod({}),
    (p) => setPath(p, 'spec.restartPolicy', 'Never'),
    /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`/,
  ],
  [
    'the number of containers of a pod',
    'pods.v1.',
    pod({}),
    (p) => setPath(p, 'spec.containers', []),
    /^spec.containers: Forbidden: pod updates may not add or remove containers$/,
  ],
  [
    'the selector of a deployment',
    'deployments.v1.apps',
    deployment({}),
    (d) => setPath(d, 'spec.selector', { matchLabels: { a: 'b', c: 'd' } }),
    /field is immutable/,
  ],
  [
    'the type of a secret',
    'secrets.v1.',
    { metadata: { name: 's' } },
    (s) => setPath(s, 'type', 'x'),
    /^type: Invalid value: "x": field is immutable$/,
  ],
  [
    'the data of an immutable config map',
    'configmaps.v1.',
    { metadata: { name: 'c' }, immutable: true, data: { a: 'b' } },
    (c) => setPath(c, 'data', {}),
    /^data: Forbidden: field is immutable when `immutable` is set$/,
  ],
  [
    'the address of a service',
    'services.v1.',
    service({ clusterIP: '10.96.0.5', ipFamilies: ['IPv4'] }),
    (s) => setPath(s, 'spec.clusterIP', '10.96.0.6'),
    /^spec.clusterIPs\[0\]: Invalid value: \["10.96.0.6"\]: may not change once set$/,
  ],
];

function setPath(obj: KubeObject, path: string, value: unknown): void {
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  let at: Plain = obj;
  for (const part of parts) at = at[part] as Plain;
  at[last] = value;
}

describe('validation of updates', () => {
  for (const [name, gvr, object, change, expected] of updates) {
    it(name, () => {
      const errors = updateErrors(gvr, object, change);
      if (expected) assert.match(errors.join('\n'), expected);
      else assert.deepEqual(errors, []);
    });
  }
});
