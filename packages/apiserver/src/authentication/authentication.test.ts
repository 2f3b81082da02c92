import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { MemoryObjects } from '../test-objects.js';
import { BearerTokenAuthenticator, CachedTokenAuthenticator } from './bearer-token.js';
import { BootstrapTokenAuthenticator } from './bootstrap-token.js';
import { impersonate, wantsImpersonation } from './impersonation.js';
import { signingKey, verificationKeys } from './service-account-keys.js';
import { ServiceAccountTokenAuthenticator, ServiceAccountTokenIssuer } from './service-account-tokens.js';
import { TokenRequestHandler } from './token-request.js';
import { tokenReviewHandler } from './token-review.js';
import { RequestAuthenticator } from './union.js';

const core = (resource: string) => ({ group: '', resource });
const request = (headers: Record<string, string | string[]>): IncomingMessage =>
  ({
    headers: Object.fromEntries(
      Object.entries(headers).map(([k, v]) => [k.toLowerCase(), Array.isArray(v) ? v.join(', ') : v]),
    ),
    rawHeaders: Object.entries(headers).flatMap(([k, v]) => (Array.isArray(v) ? v.flatMap((x) => [k, x]) : [k, v])),
    url: '/api',
    socket: {},
  }) as unknown as IncomingMessage;

const issuer = 'https://kubernetes.default.svc.cluster.local';

function serviceAccounts(type: 'rsa' | 'ec') {
  const pair =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const objects = new MemoryObjects();
  objects.put(core('serviceaccounts'), { metadata: { name: 'default', namespace: 'dev' } });
  objects.put(core('nodes'), { metadata: { name: 'n1' } });
  objects.put(core('pods'), {
    metadata: { name: 'p', namespace: 'dev' },
    spec: { serviceAccountName: 'default', nodeName: 'n1' },
  });
  const tokenIssuer = new ServiceAccountTokenIssuer(signingKey(pem), issuer);
  return {
    objects,
    requests: new TokenRequestHandler({ objects, issuer: tokenIssuer, apiAudiences: [issuer] }),
    tokens: new ServiceAccountTokenAuthenticator(verificationKeys(publicPem), [issuer], [issuer], objects),
  };
}

const tokenRequest = (spec: object) => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  metadata: {},
  spec,
});
const me = { name: 'x', groups: [] };

describe('service account tokens', () => {
  for (const type of ['rsa', 'ec'] as const) {
    it(`are issued and verified (${type})`, async () => {
      const { requests, tokens } = serviceAccounts(type);
      const answer = await requests.create('dev', 'default', tokenRequest({}), me);
      const { token } = answer.status as { token: string };
      const identity = await tokens.authenticateToken(token, []);
      assert.equal(identity?.user.name, 'system:serviceaccount:dev:default');
      assert.deepEqual(identity?.user.groups, ['system:serviceaccounts', 'system:serviceaccounts:dev']);
      await assert.rejects(tokens.authenticateToken(`${token.slice(0, -8)}AAAAAAAA`, []), /invalid signature/);
    });
  }
  it('die with the pod they are bound to', async () => {
    const { objects, requests, tokens } = serviceAccounts('ec');
    const answer = await requests.create(
      'dev',
      'default',
      tokenRequest({ audiences: ['vault'], boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } }),
      me,
    );
    const { token } = answer.status as { token: string };
    await assert.rejects(tokens.authenticateToken(token, []), /audiences/);
    const identity = await tokens.authenticateToken(token, ['vault']);
    assert.deepEqual(identity?.audiences, ['vault']);
    assert.deepEqual(identity?.user.extra?.['authentication.kubernetes.io/pod-name'], ['p']);
    assert.deepEqual(identity?.user.extra?.['authentication.kubernetes.io/node-name'], ['n1']);
    await objects.delete(core('pods'), 'dev', 'p');
    await assert.rejects(tokens.authenticateToken(token, ['vault']), /has been deleted/);
  });
  it('are refused for what does not exist or is too short', async () => {
    const { requests } = serviceAccounts('ec');
    await assert.rejects(requests.create('dev', 'nobody', tokenRequest({}), me), /serviceaccounts "nobody" not found/);
    await assert.rejects(
      requests.create('dev', 'default', tokenRequest({ expirationSeconds: 60 }), me),
      /spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes/,
    );
    await assert.rejects(
      requests.create(
        'dev',
        'default',
        tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'other' } }),
        me,
      ),
      /does not match the UID in record/,
    );
  });
  it('are reviewed', async () => {
    const { requests, tokens } = serviceAccounts('ec');
    const { token } = (await requests.create('dev', 'default', tokenRequest({}), me)).status as { token: string };
    const review = tokenReviewHandler(tokens, [issuer]);
    const ask = (t: string) =>
      review(
        { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token: t } },
        { user: me, namespace: '' },
      );
    assert.equal(((await ask(token)).status as { authenticated: boolean }).authenticated, true);
    assert.equal(((await ask('junk')).status as { authenticated: boolean }).authenticated, false);
  });
});

describe('bootstrap tokens', () => {
  const b64 = (s: string) => Buffer.from(s).toString('base64');
  const secret = (data: Record<string, string>) => ({
    metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, b64(v)])),
  });
  const good = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
  };
  const cases: [string, Record<string, string>, string, boolean][] = [
    ['good', good, 'abcdef.0123456789abcdef', true],
    ['wrong secret', good, 'abcdef.0123456789abcdee', false],
    ['expired', { ...good, expiration: '2020-01-01T00:00:00Z' }, 'abcdef.0123456789abcdef', false],
    [
      'not for authentication',
      { ...good, 'usage-bootstrap-authentication': 'false' },
      'abcdef.0123456789abcdef',
      false,
    ],
    ['no token', good, 'whatever', false],
  ];
  for (const [name, data, token, ok] of cases) {
    it(name, async () => {
      const objects = new MemoryObjects();
      objects.put(core('secrets'), secret(data));
      const identity = await new BootstrapTokenAuthenticator(objects).authenticateToken(token);
      assert.equal(identity !== undefined, ok);
      if (ok) {
        assert.equal(identity?.user.name, 'system:bootstrap:abcdef');
        assert.deepEqual(identity?.user.groups, [
          'system:bootstrappers',
          'system:bootstrappers:kubeadm:default-node-token',
        ]);
      }
    });
  }
});

describe('requests', () => {
  const tokens = {
    authenticateToken: async (t: string) => (t === 'good' ? { user: { name: 'bob', groups: ['devs'] } } : undefined),
  };
  const authenticator = new RequestAuthenticator([new BearerTokenAuthenticator(tokens)], { enabled: true });
  it('are anonymous without credentials and refused with wrong ones', async () => {
    assert.deepEqual(await authenticator.authenticate(request({})), {
      name: 'system:anonymous',
      groups: ['system:unauthenticated'],
    });
    assert.deepEqual((await authenticator.authenticate(request({ Authorization: 'Bearer good' }))).groups, [
      'devs',
      'system:authenticated',
    ]);
    await assert.rejects(authenticator.authenticate(request({ Authorization: 'Bearer bad' })), /Unauthorized/);
    const noAnonymous = new RequestAuthenticator([], { enabled: false });
    await assert.rejects(noAnonymous.authenticate(request({})), /Unauthorized/);
  });
  it('verify a token once for some seconds', async () => {
    let asked = 0;
    const cached = new CachedTokenAuthenticator({
      authenticateToken: async (t) => {
        asked += 1;
        return tokens.authenticateToken(t);
      },
    });
    await Promise.all([cached.authenticateToken('good', []), cached.authenticateToken('good', [])]);
    await cached.authenticateToken('good', []);
    assert.equal(asked, 1);
    await cached.authenticateToken('bad', []);
    await cached.authenticateToken('bad', []);
    assert.equal(asked, 3);
  });
  it('impersonate when allowed', async () => {
    const asked: string[] = [];
    const authorizer = {
      authorize: (a: { resource: string; name: string }) => {
        asked.push(`${a.resource}:${a.name}`);
        return { decision: a.name === 'no' ? ('noOpinion' as const) : ('allow' as const) };
      },
    };
    const req = request({
      'Impersonate-User': 'alice',
      'Impersonate-Group': ['a', 'b'],
      'Impersonate-Extra-Scopes': 'view',
    });
    assert.equal(wantsImpersonation(req), true);
    const u = await impersonate(req, { name: 'root', groups: [] }, authorizer);
    assert.deepEqual(u, { name: 'alice', groups: ['a', 'b', 'system:authenticated'], extra: { scopes: ['view'] } });
    assert.deepEqual(asked, ['users:alice', 'groups:a', 'groups:b', 'userextras:view']);
    const sa = await impersonate(
      request({ 'Impersonate-User': 'system:serviceaccount:ns:x' }),
      { name: 'root', groups: [] },
      authorizer,
    );
    assert.deepEqual(sa.groups, ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated']);
    await assert.rejects(
      impersonate(request({ 'Impersonate-User': 'no' }), { name: 'root', groups: [] }, authorizer),
      /User "root" cannot impersonate resource "users"/,
    );
  });
});
