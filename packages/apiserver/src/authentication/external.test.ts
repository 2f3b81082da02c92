import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { OidcAuthenticator } from './oidc.js';
import { WebhookTokenAuthenticator } from './webhook-token.js';

describe('OIDC', () => {
  it('verifies ID tokens and maps claims', async () => {
    const issuerUrl = 'https://issuer.example.com';
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
    const oidc = new OidcAuthenticator(
      {
        issuerUrl,
        clientId: 'kubernetes',
        usernameClaim: 'email',
        groupsClaim: 'groups',
        groupsPrefix: 'oidc:',
        requiredClaims: { hd: 'x' },
      },
      async (url) =>
        url.endsWith('openid-configuration') ? { issuer: issuerUrl, jwks_uri: `${issuerUrl}/keys` } : { keys: [jwk] },
    );
    const sign = (claims: Record<string, unknown>, audience = 'kubernetes') =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
        .setIssuer(issuerUrl)
        .setAudience(audience)
        .setExpirationTime('1h')
        .sign(privateKey);
    const identity = await oidc.authenticateToken(await sign({ email: 'bob@x', groups: ['devs'], hd: 'x' }));
    assert.deepEqual(identity?.user, { name: 'bob@x', groups: ['oidc:devs'] });
    await assert.rejects(
      oidc.authenticateToken(await sign({ email: 'bob@x', hd: 'x' }, 'other')),
      /oidc: verify token/,
    );
    await assert.rejects(oidc.authenticateToken(await sign({ email: 'bob@x' })), /required claim hd not present/);
    assert.equal(await oidc.authenticateToken('no-jwt'), undefined);
  });
});

describe('token webhook', () => {
  it('asks and maps the answer', async () => {
    const status: Record<string, unknown> = { authenticated: true, user: { username: 'w', groups: ['g'] } };
    const webhook = new WebhookTokenAuthenticator({ post: async () => ({ status }) }, ['api']);
    assert.deepEqual((await webhook.authenticateToken('t', []))?.user, { name: 'w', groups: ['g'] });
    status.audiences = ['other'];
    assert.equal(await webhook.authenticateToken('t', []), undefined);
    status.authenticated = false;
    assert.equal(await webhook.authenticateToken('t', []), undefined);
    status.error = 'bad';
    await assert.rejects(webhook.authenticateToken('t', []), /bad/);
  });
});
