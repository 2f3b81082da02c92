import { type Edns, type QuestionView, rcode } from '../wire/message.js';
import { AnswerCache, type CacheOptions } from './cache.js';
import { LoopGuard } from './loop-guard.js';
import { Upstream } from './upstream.js';

export interface ForwarderOptions {
  /** Servers for all names, tried in an order that starts with the one that answered last. */
  upstreams: string[];
  /** Servers for some domains: `{ 'corp.example': ['10.0.0.1'] }`. The longest match wins. */
  stubDomains: Record<string, string[]>;
  /** Time for one server to answer. */
  timeoutMs: number;
  cache: CacheOptions;
  onResult?(result: UpstreamResult): void;
  onCache?(event: 'hit' | 'miss' | 'prefetch'): void;
  /** There were too many questions under way. */
  onRejected?(): void;
}

export interface UpstreamResult {
  server: string;
  /** The answer; undefined: there was none. */
  answer: Buffer | undefined;
  seconds: number;
}

/** No server answered. */
export interface Unanswered {
  rcode: number;
}

interface Group {
  domain: string;
  servers: Upstream[];
  /** Index of the server that answered last. */
  preferred: number;
  guard: LoopGuard;
}

/** All tries for a question together; a client has given up by then. */
const totalMs = 5000;
/** Questions under way; more are refused, as with kubeadm's CoreDNS. */
const maxInFlight = 1000;

/** Asks other servers for names that are not the cluster's, with a cache; equal questions under way are asked once. */
export class Forwarder {
  private readonly groups: Group[];
  private readonly cache: AnswerCache;
  private readonly inFlight = new Map<string, Promise<Buffer | Unanswered>>();

  /** Throws for a server that is no address. */
  constructor(private readonly o: ForwarderOptions) {
    const group = (domain: string, servers: string[]): Group => ({
      domain,
      servers: servers.map((s) => new Upstream(s)),
      preferred: 0,
      guard: new LoopGuard(),
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

  /** The cached answer, or undefined. One that is asked for often is asked again before it runs out. */
  cached(query: Buffer, q: QuestionView, edns: Edns | undefined): Buffer | undefined {
    const hit = this.cache.get(cacheKey(q, edns), query, q);
    this.o.onCache?.(hit ? 'hit' : 'miss');
    if (hit?.isDue) {
      this.o.onCache?.('prefetch');
      void this.ask(Buffer.from(query), q, edns);
    }
    return hit?.message;
  }

  /** Asks upstream. Resolves with SERVFAIL if no server answers, REFUSED if there is none or too much is under way. */
  async ask(query: Buffer, q: QuestionView, edns: Edns | undefined): Promise<Buffer | Unanswered> {
    const key = cacheKey(q, edns);
    let asking = this.inFlight.get(key);
    if (!asking) {
      if (this.inFlight.size >= maxInFlight) {
        this.o.onRejected?.();
        return { rcode: rcode.refused };
      }
      asking = this.exchange(query, q).finally(() => this.inFlight.delete(key));
      this.inFlight.set(key, asking);
      const answer = await asking;
      if (!('rcode' in answer)) this.cache.set(key, answer);
    }
    const answer = await asking;
    if ('rcode' in answer) return answer;
    const copy = Buffer.from(answer);
    copy.writeUInt16BE(q.id, 0);
    query.copy(copy, 12, 12, q.end - 4);
    return copy;
  }

  /** True for a question of ours that came back: it must not be sent round again. */
  isOwnProbe(name: string): boolean {
    return this.groups.some((g) => g.guard.isOwnProbe(name));
  }

  /** Looks for servers that lead back here; forwarding to them is off then. Resolves with the domains concerned. */
  async findLoops(): Promise<string[]> {
    const found = await Promise.all(
      this.groups.map(async (g) => ((await g.guard.probe(g.servers, this.o.timeoutMs)) ? [g.domain || '.'] : [])),
    );
    return found.flat();
  }

  /** Ends when the questions under way have their answers. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.inFlight.values()]);
    for (const g of this.groups) for (const s of g.servers) s.close();
  }

  private group(name: string): Group | undefined {
    return this.groups.find((g) => g.domain === '' || name === g.domain || name.endsWith(`.${g.domain}`));
  }

  private async exchange(query: Buffer, q: QuestionView): Promise<Buffer | Unanswered> {
    const group = this.group(q.name);
    const n = group?.servers.length ?? 0;
    if (!group || n === 0) return { rcode: rcode.refused };
    if (group.guard.isLooping) return { rcode: rcode.serverFailure };
    const begun = performance.now();
    const first = group.preferred;
    for (let i = 0; i < n; i++) {
      const index = (first + i) % n;
      const server = group.servers[index] as Upstream;
      const started = performance.now();
      const left = begun + totalMs - started;
      if (left <= 0) break;
      const report = (answer: Buffer | undefined) =>
        this.o.onResult?.({ server: server.address, answer, seconds: (performance.now() - started) / 1000 });
      try {
        const answer = await server.exchange(query, Math.min(this.o.timeoutMs, left));
        report(answer);
        group.preferred = index;
        return answer;
      } catch {
        // Counted; the next server is asked, and if all fail the client hears SERVFAIL.
        report(undefined);
      }
    }
    return { rcode: rcode.serverFailure };
  }
}

/** Answers differ by whether the client speaks EDNS and wants signatures; the CD flag changes validation upstream. */
function cacheKey(q: QuestionView, edns: Edns | undefined): string {
  return `${q.type} ${q.class} ${edns ? (edns.dnssecOk ? 'D' : 'E') : '-'}${q.flags & 0x10 ? 'C' : ''} ${q.name}`;
}
