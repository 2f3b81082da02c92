import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { AuthenticationError, type Authenticator, type UserInfo } from './authenticator.js';

/** The names of a subject field, which Node gives as one string or several. */
function names(field: string | string[] | undefined): string[] {
  return field === undefined ? [] : Array.isArray(field) ? field : [field];
}

/**
 * The verified client certificate's user: common name and organizations. Kept by TLS connection, so only the first
 * request of a connection parses the certificate.
 */
export class ClientCertificateAuthenticator implements Authenticator {
  private readonly byConnection = new WeakMap<object, { user: UserInfo | undefined; error?: string }>();

  /** @param caPems the CAs that make user certificates; the TLS server may accept other CAs too (front proxy) */
  constructor(private readonly isTrusted: (certificate: PeerCertificate) => boolean) {}

  async authenticate(req: IncomingMessage): Promise<UserInfo | undefined> {
    const socket = req.socket as TLSSocket;
    let known = this.byConnection.get(socket);
    if (!known) {
      known = this.read(socket);
      this.byConnection.set(socket, known);
    }
    if (known.error !== undefined) throw new AuthenticationError(known.error);
    return known.user;
  }

  private read(socket: TLSSocket): { user: UserInfo | undefined; error?: string } {
    if (typeof socket.getPeerCertificate !== 'function') return { user: undefined };
    const cert = socket.getPeerCertificate(true);
    if (!cert || Object.keys(cert).length === 0) return { user: undefined };
    if (!socket.authorized) return { user: undefined, error: `x509: ${String(socket.authorizationError)}` };
    if (!this.isTrusted(cert)) return { user: undefined };
    if (!isClientCertificate(cert))
      return { user: undefined, error: 'x509: certificate specifies an incompatible key usage' };
    const subject = cert.subject as unknown as Record<string, string | string[] | undefined>;
    const name = names(subject.CN)[0];
    if (!name) return { user: undefined };
    return {
      user: {
        name,
        groups: names(subject.O),
        extra: {
          'authentication.kubernetes.io/credential-id': [
            `X509SHA256=${cert.fingerprint256.replaceAll(':', '').toLowerCase()}`,
          ],
        },
      },
    };
  }
}

const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyUsage = '2.5.29.37.0';

function isClientCertificate(cert: PeerCertificate): boolean {
  const usages = cert.ext_key_usage;
  return usages === undefined || usages.includes(clientAuth) || usages.includes(anyUsage);
}
