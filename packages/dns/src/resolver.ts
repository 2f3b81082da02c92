import { type Answer, decode } from 'dns-packet';
import type { Forwarder } from './forward/forwarder.js';
import type { LoopGuard } from './forward/loop-guard.js';
import { encodeResponse, type ResponseParts, udpLimit } from './wire/encode.js';
import { bareResponse, type Edns, flag, type QuestionView, rcode, readEdns, readQuestion } from './wire/message.js';
import { typeName } from './wire/types.js';
import type { HostsTable } from './zone/hosts.js';
import type { ClusterZone, ZoneAnswer } from './zone/lookup.js';

export interface ResolverOptions {
  zone: ClusterZone;
  forwarder: Forwarder;
  loop: LoopGuard;
  hosts(): HostsTable | undefined;
  /** Before this, names of the cluster can't be told from names that do not exist. */
  isSynced(): boolean;
}

const maxAliases = 8;
const classIn = 1;
const classAny = 255;

/** Turns a query into an answer: hosts file, cluster zone, cache, upstream servers, in this order. */
export class Resolver {
  constructor(private readonly o: ResolverOptions) {}

  /**
   * The answer to a message, or undefined if it deserves none (not a query at all). At once where it can be, so that
   * cached and cluster names cost no turn of the event loop. `isUdp`: the answer must fit into the client's datagram.
   */
  resolve(query: Buffer, isUdp: boolean): Buffer | Promise<Buffer> | undefined {
    if (query.length < 12 || (query.readUInt16BE(2) & flag.response) !== 0) return undefined;
    const q = readQuestion(query);
    if (!q) return bareResponse(query, 12, rcode.formatError);
    if ((q.flags & 0x7800) !== 0) return bareResponse(query, q.end, rcode.notImplemented);
    let edns: Edns | undefined;
    try {
      edns = readEdns(query, q.end);
    } catch {
      return bareResponse(query, q.end, rcode.formatError);
    }
    const limit = isUdp ? udpLimit(edns) : 65535;
    const reply = (p: Partial<ResponseParts>) =>
      encodeResponse(
        query,
        q,
        edns,
        { rcode: 0, authoritative: true, answers: [], authorities: [], additionals: [], ...p },
        limit,
      );
    if (edns && edns.version !== 0) return reply({ rcode: rcode.badVersion, authoritative: false });
    if (q.class !== classIn && q.class !== classAny) return bareResponse(query, q.end, rcode.refused);

    const type = typeName(q.type);
    const fromHosts = this.o.hosts()?.lookup(q.name, type);
    if (fromHosts) return reply({ answers: fromHosts });
    const found = this.o.zone.lookup(q.name, type);
    if (found) {
      // Better no answer than a wrong one that is then kept.
      if (!this.o.isSynced()) return bareResponse(query, q.end, rcode.serverFailure);
      return found.cname === undefined ? reply(this.parts(found)) : this.follow(found, type, q).then(reply);
    }
    if (this.o.loop.isOwnProbe(q.name)) return bareResponse(query, q.end, rcode.serverFailure);
    return this.forward(query, q, edns, limit);
  }

  private forward(query: Buffer, q: QuestionView, edns: Edns | undefined, limit: number): Buffer | Promise<Buffer> {
    const fit = (m: Buffer) => (m.length <= limit ? m : bareResponse(query, q.end, m.readUInt16BE(2) & 15, true));
    const hit = this.o.forwarder.cached(query, q, edns);
    if (hit) return fit(hit);
    if (this.o.loop.isLooping) return bareResponse(query, q.end, rcode.serverFailure);
    return this.o.forwarder.ask(query, q, edns).then(fit);
  }

  private parts(z: ZoneAnswer): Partial<ResponseParts> {
    const isNegative = z.answers.length === 0;
    return {
      rcode: z.rcode === 'NXDOMAIN' ? rcode.nameError : rcode.noError,
      answers: shuffle(z.answers),
      additionals: z.additionals,
      authorities: isNegative ? [this.o.zone.soa()] : [],
    };
  }

  /** Follows an alias out of an ExternalName Service: within the cluster, then upstream. */
  private async follow(first: ZoneAnswer, type: string, q: QuestionView): Promise<Partial<ResponseParts>> {
    const answers: Answer[] = [...first.answers];
    let name = first.cname ?? '';
    for (let i = 0; i < maxAliases; i++) {
      const here = this.o.hosts()?.lookup(name, type);
      if (here) return { answers: [...answers, ...here] };
      const z = this.o.zone.lookup(name, type);
      if (!z) break;
      answers.push(...shuffle(z.answers));
      if (z.cname === undefined) return { answers, rcode: z.rcode === 'NXDOMAIN' ? rcode.nameError : rcode.noError };
      name = z.cname;
    }
    const query = plainQuery(name, q);
    const question = readQuestion(query);
    if (!question || this.o.loop.isLooping) return { answers, rcode: rcode.serverFailure };
    const raw =
      this.o.forwarder.cached(query, question, undefined) ?? (await this.o.forwarder.ask(query, question, undefined));
    const code = raw.readUInt16BE(2) & 15;
    // The alias itself is known; a server that does not answer must not take it away from those who ask for it alone.
    if (code !== rcode.noError && code !== rcode.nameError) return { answers, rcode: rcode.serverFailure };
    return { answers: [...answers, ...(decode(raw).answers ?? [])], rcode: code };
  }
}

/** A query for another name with the type and class of the original. */
function plainQuery(name: string, q: QuestionView): Buffer {
  const labels = name.split('.').map((l) => Buffer.from(l, 'latin1'));
  const tail = Buffer.alloc(5);
  tail.writeUInt16BE(q.type, 1);
  tail.writeUInt16BE(q.class, 3);
  const header = Buffer.alloc(12);
  header.writeUInt16BE(flag.recursionDesired, 2);
  header.writeUInt16BE(1, 4);
  return Buffer.concat([header, ...labels.flatMap((l) => [Buffer.from([l.length]), l]), tail]);
}

/** Clients that take the first address must not all take the same one. */
function shuffle(answers: Answer[]): Answer[] {
  if (answers.length < 2) return answers;
  const by = Math.floor(Math.random() * answers.length);
  return [...answers.slice(by), ...answers.slice(0, by)];
}
