import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TestApiServer } from './testing/test-api-server.js';

interface Review {
  kind: string;
  apiVersion: string;
  spec: { token?: string; user?: string; resourceAttributes?: { resource?: string } };
}

const statuses: Record<string, (review: Review) => object> = {
  TokenReview: ({ spec }) =>
    spec.token === 'known' ? { authenticated: true, user: { username: 'hook', groups: ['g'] } } : {},
  SubjectAccessReview: ({ spec }) => ({
    allowed: spec.user === 'hook' && spec.resourceAttributes?.resource === 'configmaps',
  }),
};

async function reviewOf(req: IncomingMessage): Promise<Review> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Review;
}

const admissionConfiguration = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {enforce: baseline}
    exemptions: {namespaces: [kube-system]}
- name: EventRateLimit
  path: events.yaml
`;
const eventLimits = `apiVersion: eventratelimit.admission.k8s.io/v1alpha1
kind: Configuration
limits: [{type: Namespace, qps: 1, burst: 2}]
`;

describe('access by flags', { concurrency: false }, () => {
  let hook: Server;
  let server: TestApiServer;
  const directory = mkdtempSync(join(tmpdir(), 'kubelab-access-'));
  const file = (name: string) => join(directory, name);

  before(async () => {
    hook = createServer((req, res) => {
      void reviewOf(req).then((review) => {
        const { apiVersion, kind } = review;
        res.end(JSON.stringify({ apiVersion, kind, status: statuses[kind]?.(review) }));
      });
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
    writeFileSync(file('hook.kubeconfig'), `clusters: [{name: hook, cluster: {server: "${url}"}}]\n`);
    writeFileSync(file('passwords.csv'), 'secret,old,7,"system:masters"\n');
    writeFileSync(file('admission.yaml'), admissionConfiguration);
    writeFileSync(file('events.yaml'), eventLimits);
    server = await TestApiServer.start([
      ...['--authorization-mode', 'Node,RBAC,Webhook', '--authorization-webhook-config-file', file('hook.kubeconfig')],
      ...['--authentication-token-webhook-config-file', file('hook.kubeconfig')],
      ...['--basic-auth-file', file('passwords.csv'), '--admission-control-config-file', file('admission.yaml')],
      ...['--enable-admission-plugins', 'EventRateLimit'],
    ]);
  });

  after(async () => {
    hook?.closeAllConnections();
    hook?.close();
    await server?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const as = (authorization: string) => ({ anonymous: true, headers: { authorization } });
  const code = async (path: string, authorization: string) => (await server.ask(path, as(authorization))).status;

  it('asks webhooks who somebody is and what they may do', async () => {
    assert.equal(await code('/api/v1/namespaces/default/configmaps', 'Bearer known'), 200);
    assert.equal(await code('/api/v1/namespaces/default/secrets', 'Bearer known'), 403);
    assert.equal(await code('/api/v1/namespaces/default/configmaps', 'Bearer unknown'), 401);
  });

  it('takes passwords where a file names them', async () => {
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    assert.equal(await code('/api/v1/secrets', basic('old:secret')), 200);
    assert.equal(await code('/api/v1/secrets', basic('old:wrong')), 401);
  });

  it('configures admission plugins by file', async () => {
    const pod = (namespace: string) =>
      server.ask(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
        body: {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'p' },
          spec: { hostNetwork: true, containers: [{ name: 'c', image: 'i' }] },
        },
      });
    for (const name of ['default', 'kube-system']) {
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
      await server.ask(`/api/v1/namespaces/${name}/serviceaccounts`, { body: account });
    }
    const refused = await pod('default');
    assert.equal(refused.status, 403);
    assert.match(refused.json.message, /violates PodSecurity "baseline:latest": host namespaces/);
    const exempt = await pod('kube-system');
    assert.equal(exempt.status, 201, exempt.text);
    const event = (name: string) =>
      server.ask('/api/v1/namespaces/default/events', {
        body: { apiVersion: 'v1', kind: 'Event', metadata: { name }, involvedObject: { namespace: 'default' } },
      });
    const codes = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(async (name) => (await event(name)).status));
    assert.ok(codes.includes(201));
    assert.ok(codes.includes(429), String(codes));
  });
});
