import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { AuthenticationError, type TokenAuthenticator, type TokenIdentity } from './authenticator.js';

/** The --oidc-* flags. */
export interface OidcOptions {
  issuerUrl: string;
  clientId: string;
  usernameClaim?: string;
  /** `-` for none; by default the issuer before every claim but email. */
  usernamePrefix?: string;
  groupsClaim?: string;
  groupsPrefix?: string;
  requiredClaims?: Record<string, string>;
  signingAlgs?: string[];
  caFile?: string;
}

const userAgent = 'kube-apiserver-oidc';
/** Keys are looked up again at most this often when a token names an unknown one. */
const refreshMs = 10_000;

/** Verifies ID tokens of an OpenID Connect provider. */
export class OidcAuthenticator implements TokenAuthenticator {
  private keys: JSONWebKeySet | undefined;
  private fetchedAt = Number.NEGATIVE_INFINITY;
  private pending: Promise<JSONWebKeySet> | undefined;
  private readonly ca: string | undefined;

  /** @throws Error when the issuer is no https URL */
  constructor(
    private readonly o: OidcOptions,
    private readonly getJson: (url: string, ca: string | undefined) => Promise<unknown> = fetchJson,
  ) {
    if (new URL(o.issuerUrl).protocol !== 'https:') {
      throw new Error(`'oidc-issuer-url' (${JSON.stringify(o.issuerUrl)}) has invalid scheme, require 'https'`);
    }
    this.ca = o.caFile ? readFileSync(o.caFile, 'utf8') : undefined;
  }

  async authenticateToken(token: string): Promise<TokenIdentity | undefined> {
    let claims: JWTPayload;
    try {
      claims = decodeJwt(token);
    } catch {
      // No JWT: another kind of token.
      return undefined;
    }
    if (claims.iss !== this.o.issuerUrl) return undefined;
    const verified = await this.verify(token);
    return { ...this.identity(verified), ...(verified.exp ? { expiresAt: verified.exp * 1000 } : {}) };
  }

  private async verify(token: string): Promise<JWTPayload> {
    const attempt = async (keys: JSONWebKeySet) =>
      (
        await jwtVerify(token, createLocalJWKSet(keys), {
          issuer: this.o.issuerUrl,
          audience: this.o.clientId,
          algorithms: this.o.signingAlgs ?? ['RS256'],
        })
      ).payload;
    try {
      return await attempt(this.keys ?? (await this.fetchKeys()));
    } catch (err) {
      const unknownKey = (err as { code?: string }).code === 'ERR_JWKS_NO_MATCHING_KEY';
      if (unknownKey && performance.now() - this.fetchedAt > refreshMs) {
        try {
          return await attempt(await this.fetchKeys());
        } catch (again) {
          throw new AuthenticationError(`oidc: verify token: ${(again as Error).message}`);
        }
      }
      throw new AuthenticationError(`oidc: verify token: ${(err as Error).message}`);
    }
  }

  private fetchKeys(): Promise<JSONWebKeySet> {
    this.pending ??= this.discover().finally(() => {
      this.pending = undefined;
    });
    return this.pending;
  }

  private async discover(): Promise<JSONWebKeySet> {
    const base = this.o.issuerUrl.replace(/\/$/, '');
    const document = (await this.getJson(`${base}/.well-known/openid-configuration`, this.ca)) as {
      issuer?: string;
      jwks_uri?: string;
    };
    if (document.issuer !== this.o.issuerUrl || !document.jwks_uri) {
      throw new Error(
        `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(this.o.issuerUrl)} got ${JSON.stringify(document.issuer ?? '')}`,
      );
    }
    this.keys = (await this.getJson(document.jwks_uri, this.ca)) as JSONWebKeySet;
    this.fetchedAt = performance.now();
    return this.keys;
  }

  private identity(claims: JWTPayload): TokenIdentity {
    const usernameClaim = this.o.usernameClaim ?? 'sub';
    const name = claims[usernameClaim];
    if (typeof name !== 'string' || name === '') {
      throw new AuthenticationError(`oidc: parse username claims ${JSON.stringify(usernameClaim)}: claim not present`);
    }
    if (usernameClaim === 'email' && claims.email_verified === false)
      throw new AuthenticationError('oidc: email not verified');
    for (const [claim, value] of Object.entries(this.o.requiredClaims ?? {})) {
      if (claims[claim] === undefined)
        throw new AuthenticationError(`oidc: required claim ${claim} not present in ID token`);
      if (claims[claim] !== value)
        throw new AuthenticationError(
          `oidc: required claim ${claim} value does not match. Got = ${String(claims[claim])}, want = ${value}`,
        );
    }
    const raw = this.o.groupsClaim ? claims[this.o.groupsClaim] : undefined;
    const groups =
      typeof raw === 'string' ? [raw] : Array.isArray(raw) ? raw.filter((g): g is string => typeof g === 'string') : [];
    const prefix =
      this.o.usernamePrefix === '-'
        ? ''
        : (this.o.usernamePrefix ?? (usernameClaim === 'email' ? '' : `${this.o.issuerUrl}#`));
    return { user: { name: `${prefix}${name}`, groups: groups.map((g) => `${this.o.groupsPrefix ?? ''}${g}`) } };
  }
}

function fetchJson(url: string, ca: string | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const req = request(
      url,
      { timeout: 30_000, headers: { 'user-agent': userAgent }, ...(ca ? { ca } : {}) },
      (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (c: string) => {
          text += c;
          if (text.length > 1024 * 1024) req.destroy(new Error('answer is too large'));
        });
        res.once('error', reject);
        res.once('end', () => {
          if (res.statusCode !== 200) {
            reject(new Error(`oidc: ${url} answered ${res.statusCode}`));
            return;
          }
          try {
            resolve(JSON.parse(text));
          } catch (err) {
            reject(err as Error);
          }
        });
      },
    );
    req.once('timeout', () => req.destroy(new Error(`oidc: ${url} did not answer in time`)));
    req.once('error', reject);
    req.end();
  });
}
