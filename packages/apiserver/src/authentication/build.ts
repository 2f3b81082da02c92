import { readFileSync } from 'node:fs';
import type { ReviewHandler } from '../authorization/reviews.js';
import type { ObjectAccess } from '../object-access.js';
import type { Authenticator, TokenAuthenticator } from './authenticator.js';
import { BasicAuthAuthenticator } from './basic-auth.js';
import { BearerTokenAuthenticator, CachedTokenAuthenticator, UnionTokenAuthenticator } from './bearer-token.js';
import { BootstrapTokenAuthenticator } from './bootstrap-token.js';
import { ClientCertificateAuthenticator } from './client-certificate.js';
import { FrontProxyAuthenticator } from './front-proxy.js';
import { jsonWebKeySet, signingKey, verificationKeys } from './service-account-keys.js';
import { ServiceAccountTokenAuthenticator, ServiceAccountTokenIssuer } from './service-account-tokens.js';
import { StaticTokenAuthenticator } from './static-files.js';
import { TokenRequestHandler } from './token-request.js';
import { tokenReviewHandler } from './token-review.js';
import { issuedBy } from './trust.js';
import { RequestAuthenticator } from './union.js';

/** The API server's authentication flags. */
export interface AuthenticationOptions {
  clientCaFile?: string;
  tokenAuthFile?: string;
  basicAuthFile?: string;
  enableBootstrapTokenAuth: boolean;
  serviceAccountKeyFiles: string[];
  serviceAccountSigningKeyFile?: string;
  /** The first one is written into new tokens; all are accepted. */
  serviceAccountIssuers: string[];
  serviceAccountJwksUri?: string;
  serviceAccountMaxTokenExpirationSeconds?: number;
  serviceAccountExtendTokenExpiration?: boolean;
  /** Empty: the issuers. */
  apiAudiences: string[];
  anonymousAuth: boolean;
  requestheader?: {
    clientCaFile: string;
    allowedNames: string[];
    usernameHeaders: string[];
    uidHeaders?: string[];
    groupHeaders: string[];
    extraHeaderPrefixes: string[];
  };
  /** More token authenticators (OIDC, webhook), asked after the built-in ones. */
  extraTokenAuthenticators?: TokenAuthenticator[];
}

/** Authentication as the request chain uses it. */
export interface Authentication {
  authenticator: RequestAuthenticator;
  tokens: TokenAuthenticator;
  apiAudiences: string[];
  /** POST .../serviceaccounts/NAME/token; absent without a signing key. */
  tokenRequests?: TokenRequestHandler;
  tokenReview: ReviewHandler;
  /** PEM of all CAs that client certificates may come from: the TLS server's `ca`, with requestCert. */
  clientCaPem: string;
  /** /.well-known/openid-configuration and /openid/v1/jwks; absent without service account keys. */
  issuerDiscovery?: { configuration: object; keys: object };
}

/** Puts together the authenticators that the flags ask for. @throws Error when a file is missing or wrong */
export function createAuthentication(o: AuthenticationOptions, objects: ObjectAccess): Authentication {
  const methods: Authenticator[] = [];
  const cas: string[] = [];
  if (o.requestheader) {
    const pem = readFileSync(o.requestheader.clientCaFile, 'utf8');
    cas.push(pem);
    methods.push(new FrontProxyAuthenticator({ uidHeaders: [], ...o.requestheader, isTrusted: issuedBy(pem) }));
  }
  if (o.clientCaFile) {
    const pem = readFileSync(o.clientCaFile, 'utf8');
    cas.push(pem);
    methods.push(new ClientCertificateAuthenticator(issuedBy(pem)));
  }
  const signing = o.serviceAccountSigningKeyFile
    ? signingKey(readFileSync(o.serviceAccountSigningKeyFile, 'utf8'))
    : undefined;
  const keys = o.serviceAccountKeyFiles.flatMap((f) => verificationKeys(readFileSync(f, 'utf8')));
  const apiAudiences = o.apiAudiences.length > 0 ? o.apiAudiences : o.serviceAccountIssuers;
  const members: TokenAuthenticator[] = [];
  if (o.tokenAuthFile) members.push(new StaticTokenAuthenticator(o.tokenAuthFile));
  if (keys.length > 0) {
    members.push(new ServiceAccountTokenAuthenticator(keys, o.serviceAccountIssuers, apiAudiences, objects));
  }
  if (o.enableBootstrapTokenAuth) members.push(new BootstrapTokenAuthenticator(objects));
  members.push(...(o.extraTokenAuthenticators ?? []));
  const tokens = new CachedTokenAuthenticator(new UnionTokenAuthenticator(members));
  methods.push(new BearerTokenAuthenticator(tokens));
  if (o.basicAuthFile) methods.push(new BasicAuthAuthenticator(o.basicAuthFile));
  const issuer = o.serviceAccountIssuers[0] ?? '';
  return {
    authenticator: new RequestAuthenticator(methods, { enabled: o.anonymousAuth }),
    tokens,
    apiAudiences,
    tokenReview: tokenReviewHandler(tokens, apiAudiences),
    clientCaPem: cas.join('\n'),
    ...(signing
      ? {
          tokenRequests: new TokenRequestHandler({
            objects,
            issuer: new ServiceAccountTokenIssuer(signing, issuer),
            apiAudiences,
            ...(o.serviceAccountMaxTokenExpirationSeconds
              ? { maxExpirationSeconds: o.serviceAccountMaxTokenExpirationSeconds }
              : {}),
            ...(o.serviceAccountExtendTokenExpiration === undefined
              ? {}
              : { extendExpiration: o.serviceAccountExtendTokenExpiration }),
          }),
        }
      : {}),
    ...(keys.length > 0
      ? {
          issuerDiscovery: {
            configuration: {
              issuer,
              jwks_uri: o.serviceAccountJwksUri ?? `${issuer}/openid/v1/jwks`,
              response_types_supported: ['id_token'],
              subject_types_supported: ['public'],
              id_token_signing_alg_values_supported: [...new Set(keys.map((k) => k.algorithm))].sort(),
            },
            keys: jsonWebKeySet(keys),
          },
        }
      : {}),
  };
}
