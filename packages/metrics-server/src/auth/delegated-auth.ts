import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { V1SubjectAccessReview, V1TokenReview } from '@kubelab/api';
import { newUnauthorized } from '@kubelab/apimachinery';
import { type Client, gvr } from '@kubelab/client';
import type { AuthenticationConfig } from './authentication-config.js';
import { userOfHeaders } from './front-proxy.js';
import { TtlCache } from './ttl-cache.js';
import { anonymous, type User } from './user.js';

/** What a request wants, as authorization asks for it. */
export type Attributes = Pick<
  NonNullable<V1SubjectAccessReview['spec']>,
  'resourceAttributes' | 'nonResourceAttributes'
>;

const cacheTtlMs = 10_000;

/** Authentication and authorization of an extension server: both are the API server's to decide. */
export class DelegatedAuth {
  private readonly tokens = new TtlCache<User | undefined>(cacheTtlMs);
  private readonly decisions = new TtlCache<boolean>(cacheTtlMs);

  constructor(
    private readonly client: Client,
    private readonly config: () => AuthenticationConfig,
  ) {}

  /** @throws StatusError Unauthorized for a bad token or a front proxy of a name that is not allowed */
  async authenticate(req: IncomingMessage): Promise<User> {
    const bearer = /^Bearer\s+(\S+)/i.exec(req.headers.authorization ?? '')?.[1];
    const user = this.byCertificate(req);
    if (user) return user;
    if (bearer === undefined) return anonymous;
    const known = await this.tokens.get(bearer, () => this.review(bearer));
    if (!known) throw newUnauthorized();
    return known;
  }

  async isAllowed(user: User, attributes: Attributes): Promise<boolean> {
    const spec = { user: user.name, uid: user.uid, groups: user.groups, extra: user.extra, ...attributes };
    return this.decisions.get(JSON.stringify(spec), async () => {
      const review = await this.client.resource<V1SubjectAccessReview>(gvr.subjectaccessreviews).create({
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec,
      });
      return review.status?.allowed === true;
    });
  }

  private byCertificate(req: IncomingMessage): User | undefined {
    const socket = req.socket as TLSSocket;
    if (!socket.authorized) return undefined;
    const peer = socket.getPeerCertificate(true);
    if (!peer.raw) return undefined;
    const config = this.config();
    const certificate = new X509Certificate(peer.raw);
    const commonName = String(peer.subject.CN ?? '');
    if (isIssuedBy(certificate, config.requestheaderCa)) {
      if (config.allowedNames.length > 0 && !config.allowedNames.includes(commonName)) throw newUnauthorized();
      return userOfHeaders(req.rawHeaders, config);
    }
    if (!isIssuedBy(certificate, config.clientCa) || commonName === '') return undefined;
    const organizations: unknown = peer.subject.O;
    const groups = Array.isArray(organizations)
      ? organizations.map(String)
      : organizations
        ? [String(organizations)]
        : [];
    return { name: commonName, groups: [...groups, 'system:authenticated'] };
  }

  private async review(token: string): Promise<User | undefined> {
    const review = await this.client.resource<V1TokenReview>(gvr.tokenreviews).create({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token },
    });
    const { authenticated, user } = review.status ?? {};
    if (!authenticated || !user?.username) return undefined;
    return { name: user.username, uid: user.uid, groups: user.groups ?? [], extra: user.extra };
  }
}

/** TLS has checked the certificate against both authorities together; this tells which of them it was. */
function isIssuedBy(certificate: X509Certificate, authoritiesPem: string): boolean {
  const authorities = authoritiesPem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return authorities
    .map((pem) => new X509Certificate(pem))
    .some((authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
}
