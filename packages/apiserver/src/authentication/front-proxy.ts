import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { AuthenticationError, type Authenticator, type UserInfo } from './authenticator.js';

export interface FrontProxyOptions {
  /** Tells certificates of --requestheader-client-ca-file. */
  isTrusted(certificate: PeerCertificate): boolean;
  /** --requestheader-allowed-names; empty allows all. */
  allowedNames: string[];
  usernameHeaders: string[];
  uidHeaders: string[];
  groupHeaders: string[];
  extraHeaderPrefixes: string[];
}

const headerValues = (req: IncomingMessage, name: string): string[] => {
  // `headers` joins repeated values by commas, which may be part of a group's name.
  const out: string[] = [];
  const wanted = name.toLowerCase();
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    if (req.rawHeaders[i]?.toLowerCase() === wanted) out.push(req.rawHeaders[i + 1] ?? '');
  }
  return out;
};

/** The user in the headers of a front proxy (X-Remote-User ...), which proves itself by its client certificate. */
export class FrontProxyAuthenticator implements Authenticator {
  constructor(private readonly o: FrontProxyOptions) {}

  async authenticate(req: IncomingMessage): Promise<UserInfo | undefined> {
    const name = this.o.usernameHeaders.map((h) => headerValues(req, h)[0]).find((v) => v);
    if (!name) return undefined;
    const socket = req.socket as TLSSocket;
    const cert = typeof socket.getPeerCertificate === 'function' ? socket.getPeerCertificate(true) : undefined;
    if (!cert || Object.keys(cert).length === 0 || !socket.authorized || !this.o.isTrusted(cert)) return undefined;
    const cn = String(cert.subject.CN ?? '');
    if (this.o.allowedNames.length > 0 && !this.o.allowedNames.includes(cn)) {
      throw new AuthenticationError(`x509: subject with cn=${cn} is not in the allowed list`);
    }
    const uid = this.o.uidHeaders.map((h) => headerValues(req, h)[0]).find((v) => v);
    return {
      name,
      groups: this.o.groupHeaders.flatMap((h) => headerValues(req, h)),
      ...(uid ? { uid } : {}),
      extra: extraHeaders(req, this.o.extraHeaderPrefixes),
    };
  }
}

/** Headers with a prefix as extra fields: keys in lower case, percent-decoded. */
export function extraHeaders(req: IncomingMessage, prefixes: string[]): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const header = (req.rawHeaders[i] ?? '').toLowerCase();
    const prefix = prefixes.find((p) => header.startsWith(p.toLowerCase()));
    if (prefix === undefined) continue;
    const raw = header.slice(prefix.length);
    let key = raw;
    try {
      key = decodeURIComponent(raw);
    } catch {
      // Not percent-encoded: the name is taken as it is, as Kubernetes does.
      key = raw;
    }
    out[key] = [...(out[key] ?? []), req.rawHeaders[i + 1] ?? ''];
  }
  return out;
}

export { headerValues };
