// What a client gets wrong is answered with a Status in Kubernetes' form, and the server stays.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import { kubectl } from './lib/cluster.js';
import { run } from './lib/exec.js';
import { adminKubeconfig, onHost } from './lib/machine.js';

interface Status {
  kind: string;
  status: string;
  reason: string;
  message: string;
  code: number;
  details?: { causes?: { reason: string; field: string; message: string }[] };
}

const server = 'https://10.30.0.1:6443';
/** Holds the admin's key while the suite runs. */
const dir = mkdtempSync(`${tmpdir()}/kubelab-e2e-`);
let credentials: string[] | undefined;

after(() => rmSync(dir, { recursive: true }));

/** Client certificate options for curl, from the admin's kubeconfig. */
function adminCredentials(): string[] {
  if (!credentials) {
    const text = readFileSync(adminKubeconfig, 'utf8');
    const data = (key: string) => new RegExp(`${key}: (\\S+)`).exec(text)?.[1] ?? '';
    for (const [file, key] of [
      ['ca', 'certificate-authority-data'],
      ['crt', 'client-certificate-data'],
      ['key', 'client-key-data'],
    ] as const) {
      writeFileSync(`${dir}/${file}`, Buffer.from(data(key), 'base64'), { mode: 0o600 });
    }
    credentials = ['--cacert', `${dir}/ca`, '--cert', `${dir}/crt`, '--key', `${dir}/key`];
  }
  return credentials;
}

async function send(method: string, path: string, body: string, type = 'application/json'): Promise<Status> {
  const args = [
    ...['curl', '-sS', '--max-time', '30', '-X', method, '-H', `Content-Type: ${type}`, '--data-binary', '@-'],
    ...adminCredentials(),
    `${server}${path}`,
  ];
  return JSON.parse(await run(onHost(args), { input: body })) as Status;
}

const configMaps = '/api/v1/namespaces/default/configmaps';
const pod = (extra: object) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'bad' },
    spec: { containers: [{ name: 'c', image: 'x' }] },
    ...extra,
  });

const cases: { name: string; answer: () => Promise<Status>; code: number; reason: string; message: RegExp }[] = [
  {
    name: 'malformed JSON',
    answer: () => send('POST', configMaps, '{"apiVersion": "v1", '),
    code: 400,
    reason: 'BadRequest',
    message: /./,
  },
  {
    name: 'an unknown field under strict validation',
    answer: () =>
      send(
        'POST',
        '/api/v1/namespaces/default/pods?fieldValidation=Strict',
        pod({ spec: { containers: [], nope: 1 } }),
      ),
    code: 400,
    reason: 'BadRequest',
    message: /strict decoding error: unknown field "spec\.nope"/,
  },
  {
    name: 'a missing name',
    answer: () => send('POST', configMaps, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{}}'),
    code: 422,
    reason: 'Invalid',
    message: /metadata\.name: Required value: name or generateName is required/,
  },
  {
    name: 'a missing image',
    answer: () => send('POST', '/api/v1/namespaces/default/pods', pod({ spec: { containers: [{ name: 'c' }] } })),
    code: 422,
    reason: 'Invalid',
    message: /spec\.containers\[0\]\.image: Required value/,
  },
  {
    name: 'a wrong type',
    answer: () => send('POST', configMaps, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":7}'),
    code: 400,
    reason: 'BadRequest',
    message: /cannot (be handled as a ConfigMap|unmarshal)/,
  },
  {
    name: 'an unknown kind',
    answer: () => send('POST', configMaps, '{"apiVersion":"v1","kind":"Nothing","metadata":{"name":"x"}}'),
    code: 400,
    reason: 'BadRequest',
    message: /Nothing/,
  },
  {
    name: 'an unknown resource',
    answer: () => send('GET', '/api/v1/namespaces/default/nothings', ''),
    code: 404,
    reason: 'NotFound',
    message: /the server could not find the requested resource/,
  },
  {
    name: 'a body of 4 MB',
    answer: () =>
      send(
        'POST',
        configMaps,
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'x' },
          data: { a: 'x'.repeat(4 << 20) },
        }),
      ),
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: /limit is 3145728/,
  },
  {
    name: 'an unknown patch type',
    answer: () => send('PATCH', `${configMaps}/kube-root-ca.crt`, '{}', 'application/foo'),
    code: 415,
    reason: 'UnsupportedMediaType',
    message: /application\/merge-patch\+json/,
  },
];

for (const { name, answer, code, reason, message } of cases) {
  test(name, async () => {
    const status = await answer();
    assert.equal(status.kind, 'Status', JSON.stringify(status));
    assert.equal(status.status, 'Failure');
    assert.equal(status.code, code, status.message);
    assert.equal(status.reason, reason, status.message);
    assert.match(status.message, message);
  });
}

test('the server answers as before', async () => {
  assert.equal(await kubectl('get', '--raw', '/readyz'), 'ok');
});
