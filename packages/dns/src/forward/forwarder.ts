import { bareResponse, type Edns, type QuestionView, rcode } from '../wire/message.js';
import { AnswerCache, type CacheOptions } from './cache.js';
import { Upstream } from './upstream.js';

export interface ForwarderOptions {
  /** Servers for all names, tried in an order that starts with the one that answered last. */
  upstreams: string[];
  /** Servers for some domains: `{ 'corp.example': ['10.0.0.1'] }`. The longest match wins. */
  stubDomains: Record<string, string[]>;
  /** Time for one server to answer. */
  timeoutMs: number;
  cache: CacheOptions;
  onResult?(result: { server: string; ok: boolean; seconds: number }): void;
  onCache?(hit: boolean): void;
}

interface Group {
  domain: string;
  servers: Upstream[];
  /** Index of the server that answered last. */
  preferred: number;
}

/** Asks other servers for names that are not the cluster's, with a cache; equal questions under way are asked once. */
export class Forwarder {
  private readonly groups: Group[];
  private readonly cache: AnswerCache;
  private readonly inFlight = new Map<string, Promise<Buffer>>();

  constructor(private readonly o: ForwarderOptions) {
    const group = (domain: string, servers: string[]): Group => ({
      domain,
      servers: servers.map((s) => new Upstream(s)),
      preferred: 0,
    });
    this.groups = Object.entries(o.stubDomains)
      .map(([d, servers]) => group(d.toLowerCase().replace(/\.$/, ''), servers))
      .sort((a, b) => b.domain.length - a.domain.length);
    this.groups.push(group('', o.upstreams));
    this.cache = new AnswerCache(o.cache);
  }

  get cacheSize(): number {
    return this.cache.size;
  }

  /** The cached answer, or undefined. */
  cached(query: Buffer, q: QuestionView, edns: Edns | undefined): Buffer | undefined {
    const hit = this.cache.get(cacheKey(q, edns), query, q);
    this.o.onCache?.(hit !== undefined);
    return hit;
  }

  /** Asks upstream. Resolves with SERVFAIL if no server answers, REFUSED if there is none. */
  async ask(query: Buffer, q: QuestionView, edns: Edns | undefined): Promise<Buffer> {
    const key = cacheKey(q, edns);
    let asking = this.inFlight.get(key);
    if (!asking) {
      asking = this.exchange(query, q).finally(() => this.inFlight.delete(key));
      this.inFlight.set(key, asking);
      const answer = await asking;
      this.cache.set(key, answer);
    }
    const copy = Buffer.from(await asking);
    copy.writeUInt16BE(q.id, 0);
    query.copy(copy, 12, 12, q.end - 4);
    return copy;
  }

  /** Servers of a name, for loop detection. */
  serversFor(name: string): Upstream[] {
    return this.group(name).servers;
  }

  close(): void {
    for (const g of this.groups) for (const s of g.servers) s.close();
  }

  private group(name: string): Group {
    const match = this.groups.find((g) => g.domain === '' || name === g.domain || name.endsWith(`.${g.domain}`));
    return match ?? { domain: '', servers: [], preferred: 0 };
  }

  private async exchange(query: Buffer, q: QuestionView): Promise<Buffer> {
    const group = this.group(q.name);
    const n = group.servers.length;
    if (n === 0) return bareResponse(query, q.end, rcode.refused);
    for (let i = 0; i < n; i++) {
      const index = (group.preferred + i) % n;
      const server = group.servers[index] as Upstream;
      const started = performance.now();
      const report = (ok: boolean) =>
        this.o.onResult?.({ server: server.address, ok, seconds: (performance.now() - started) / 1000 });
      try {
        const answer = await server.exchange(query, this.o.timeoutMs);
        report(true);
        group.preferred = index;
        return answer;
      } catch {
        // Counted; the next server is asked, and if all fail the client hears SERVFAIL.
        report(false);
      }
    }
    return bareResponse(query, q.end, rcode.serverFailure);
  }
}

/** Answers differ by whether the client speaks EDNS and wants signatures; the CD flag changes validation upstream. */
function cacheKey(q: QuestionView, edns: Edns | undefined): string {
  return `${q.type} ${q.class} ${edns ? (edns.dnssecOk ? 'D' : 'E') : '-'}${q.flags & 0x10 ? 'C' : ''} ${q.name}`;
}
