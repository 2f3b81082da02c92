import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { V1SubjectAccessReview, V1TokenReview } from '@kubelab/api';
import { type Client, gvr } from '@kubelab/client';

export interface User {
  name: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

interface Cached<T> {
  value: T;
  until: number;
}

const tokenTtlMs = 120_000;
const allowedTtlMs = 300_000;
const deniedTtlMs = 30_000;
const maxEntries = 2_000;

/** A cache with an end time an entry and a bound on its size. */
class TtlCache<T> {
  private readonly entries = new Map<string, Cached<T>>();

  get(key: string): T | undefined {
    const entry = this.entries.get(key);
    return entry && entry.until > Date.now() ? entry.value : undefined;
  }

  set(key: string, value: T, ttlMs: number): void {
    this.entries.delete(key);
    this.entries.set(key, { value, until: Date.now() + ttlMs });
    if (this.entries.size > maxEntries) {
      const [oldest] = this.entries.keys();
      if (oldest !== undefined) this.entries.delete(oldest);
    }
  }
}

/** Who calls and what they may: client certificates, bearer tokens (TokenReview) and SubjectAccessReview, cached. */
export class ServerAuth {
  private readonly tokens = new TtlCache<User | 'invalid'>();
  private readonly decisions = new TtlCache<boolean>();

  constructor(
    private readonly client: Client,
    private readonly nodeName: string,
    private readonly options: { anonymous: boolean },
  ) {}

  /** The caller, or undefined when it can't be authenticated. */
  async authenticate(req: IncomingMessage): Promise<User | undefined> {
    return this.byCertificate(req) ?? (await this.byToken(req)) ?? this.anonymous();
  }

  /** Whether the caller may do this on the node's subresource. */
  async authorize(user: User, verb: string, path: string): Promise<boolean> {
    for (const subresource of subresourcesOf(path)) {
      if (await this.mayUse(user, verb, subresource)) return true;
    }
    return false;
  }

  private async mayUse(user: User, verb: string, subresource: string): Promise<boolean> {
    const key = JSON.stringify([user.name, user.groups, user.extra, verb, subresource]);
    const known = this.decisions.get(key);
    if (known !== undefined) return known;
    const review = await this.client.resource<V1SubjectAccessReview>(gvr.subjectaccessreviews).create({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: user.name,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
        resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: this.nodeName },
      },
    });
    const allowed = review.status?.allowed === true;
    this.decisions.set(key, allowed, allowed ? allowedTtlMs : deniedTtlMs);
    return allowed;
  }

  private byCertificate(req: IncomingMessage): User | undefined {
    const socket = req.socket as TLSSocket;
    if (!socket.authorized) return undefined;
    const { subject } = socket.getPeerCertificate();
    const name = first(subject?.CN);
    if (!name) return undefined;
    const organizations = subject.O as string | string[] | undefined;
    const groups = Array.isArray(organizations) ? organizations : organizations ? [organizations] : [];
    return { name, groups: [...groups, 'system:authenticated'] };
  }

  private async byToken(req: IncomingMessage): Promise<User | undefined> {
    const token = /^Bearer (.+)$/i.exec(req.headers.authorization ?? '')?.[1];
    if (!token) return undefined;
    const known = this.tokens.get(token);
    if (known) return known === 'invalid' ? undefined : known;
    const review = await this.client.resource<V1TokenReview>(gvr.tokenreviews).create({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token },
    });
    const { authenticated, user } = review.status ?? {};
    if (!authenticated || !user?.username) {
      this.tokens.set(token, 'invalid', deniedTtlMs);
      return undefined;
    }
    const found: User = { name: user.username, uid: user.uid, groups: user.groups ?? [], extra: user.extra };
    this.tokens.set(token, found, tokenTtlMs);
    return found;
  }

  private anonymous(): User | undefined {
    return this.options.anonymous ? { name: 'system:anonymous', groups: ['system:unauthenticated'] } : undefined;
  }
}

const first = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);

/** Paths with a subresource of their own, which `proxy` does not open. */
const own: [prefix: string, subresource: string][] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
];
/** Paths for which a narrower right than `proxy` is enough (KEP-2862). */
const fine: [prefix: string, subresource: string][] = [
  ['/pods', 'pods'],
  ['/runningpods', 'pods'],
  ['/healthz', 'healthz'],
  ['/configz', 'configz'],
];

/** The nodes subresources of which one must be allowed for a path (kubelet authorization reference). */
export function subresourcesOf(path: string): string[] {
  const covers = ([prefix]: [string, string]) => path === prefix || path.startsWith(`${prefix}/`);
  const [, only] = own.find(covers) ?? [];
  if (only) return [only];
  const [, narrow] = fine.find(covers) ?? [];
  return narrow ? [narrow, 'proxy'] : ['proxy'];
}

/** The API verb of an HTTP method. */
export function verbOf(method: string): string {
  const verbs: Record<string, string> = {
    POST: 'create',
    GET: 'get',
    HEAD: 'get',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: 'delete',
  };
  return verbs[method] ?? '';
}
