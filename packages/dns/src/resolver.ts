import { type Answer, decode } from 'dns-packet';
import type { Forwarding } from './forward/forwarding.js';
import { AnswerMemo } from './memo.js';
import { encodeResponse, type ResponseParts, udpLimit } from './wire/encode.js';
import {
  bareResponse,
  type Edns,
  flag,
  headerLength,
  type QuestionView,
  rcode,
  readEdns,
  readQuestion,
} from './wire/message.js';
import { typeName } from './wire/types.js';
import type { ClusterZone, ZoneAnswer } from './zone/lookup.js';

export interface ResolverOptions {
  zone: ClusterZone;
  /** Upstream servers and hosts entries in force; another object after each change of their configuration. */
  forwarding(): Forwarding;
  /** Before this, names of the cluster can't be told from names that do not exist. */
  isSynced(): boolean;
}

/** As long as CoreDNS follows. */
const maxAliases = 10;
const classIn = 1;
const classAny = 255;

/** What is known of a query once it is read. */
interface Query {
  message: Buffer;
  q: QuestionView;
  edns: Edns | undefined;
  /** Bytes that the answer may have. */
  limit: number;
}

/** Turns a query into an answer: hosts entries, cluster zone, cache, upstream servers, in this order. */
export class Resolver {
  private readonly memo = new AnswerMemo();

  constructor(private readonly o: ResolverOptions) {}

  /**
   * The answer to a message, or undefined if it deserves none (not a query at all). At once where it can be, so that
   * cached and cluster names cost no turn of the event loop. `isUdp`: the answer must fit into the client's datagram.
   * `onQuestion` is told the type asked for, -1 where it can't be read.
   */
  resolve(
    message: Buffer,
    isUdp: boolean,
    onQuestion: (type: number) => void = () => undefined,
  ): Buffer | Promise<Buffer> | undefined {
    if (message.length < headerLength || (message.readUInt16BE(2) & flag.response) !== 0) return undefined;
    const q = readQuestion(message);
    onQuestion(q?.type ?? -1);
    if (!q) return bareResponse(message, headerLength, rcode.formatError);
    if ((q.flags & flag.opcode) !== 0) return bareResponse(message, q.end, rcode.notImplemented);
    let edns: Edns | undefined;
    try {
      edns = readEdns(message, q.end);
    } catch {
      return bareResponse(message, q.end, rcode.formatError);
    }
    const query: Query = { message, q, edns, limit: isUdp ? udpLimit(edns) : 65535 };
    if (edns && edns.version !== 0) return fail(query, rcode.badVersion);
    if (q.class !== classIn && q.class !== classAny) return fail(query, rcode.refused);
    const type = typeName(q.type);
    // No zone is transferred from here.
    if (type === 'AXFR' || type === 'IXFR') return fail(query, rcode.refused);

    const { zone } = this.o;
    const forwarding = this.o.forwarding();
    const isSynced = this.o.isSynced();
    this.memo.begin(zone.generation, forwarding);
    const known = isSynced ? this.memo.get(message, q, edns, query.limit) : undefined;
    if (known) return known;
    const fromHosts = forwarding.hosts?.lookup(q.name, type);
    if (fromHosts) return reply(query, { answers: fromHosts });
    const found = zone.lookup(q.name, type);
    if (!found) return this.forward(query, forwarding);
    // Better no answer than a wrong one that is then kept.
    if (!isSynced) return fail(query, rcode.serverFailure);
    if (found.cname !== undefined) return this.follow(found, type, query, forwarding);
    const parts = this.parts(found);
    return this.memo.keep(message, q, edns, query.limit, parts.answers?.length ?? 0, (turn) =>
      reply(query, { ...parts, answers: rotate(found.answers, turn) }),
    );
  }

  private forward(query: Query, { forwarder }: Forwarding): Buffer | Promise<Buffer> {
    const { message, q, edns, limit } = query;
    const fit = (m: Buffer) =>
      m.length <= limit ? m : bareResponse(message, q.end, m.readUInt16BE(2) & 15, { truncated: true, edns: !!edns });
    const hit = forwarder.cached(message, q, edns);
    if (hit) return fit(hit);
    if (forwarder.isOwnProbe(q.name)) return fail(query, rcode.serverFailure);
    return forwarder.ask(message, q, edns).then((m) => ('rcode' in m ? fail(query, m.rcode) : fit(m)));
  }

  private parts(z: ZoneAnswer): Partial<ResponseParts> {
    const isNegative = z.answers.length === 0;
    return {
      rcode: z.rcode === 'NXDOMAIN' ? rcode.nameError : rcode.noError,
      answers: z.answers,
      additionals: z.additionals,
      authorities: isNegative ? [this.o.zone.soa()] : [],
    };
  }

  /** Follows an alias out of an ExternalName Service: within the cluster, then upstream. */
  private follow(first: ZoneAnswer, type: string, query: Query, forwarding: Forwarding): Buffer | Promise<Buffer> {
    const answers: Answer[] = [...first.answers];
    let name: string | undefined = first.cname;
    for (let i = 0; name !== undefined; i++) {
      // Aliases that lead back, or nowhere for too long, are no answer: the name has no such record.
      if (i === maxAliases) return reply(query, this.parts({ rcode: 'NOERROR', answers: [], additionals: [] }));
      const here = forwarding.hosts?.lookup(name, type);
      if (here) return reply(query, { answers: [...answers, ...here] });
      const z = this.o.zone.lookup(name, type);
      if (!z) return this.followUpstream(name, answers, query, forwarding);
      if (z.answers.length === 0) return reply(query, { ...this.parts(z), answers });
      answers.push(...rotate(z.answers, random(z.answers.length)));
      name = z.cname;
    }
    return reply(query, { answers });
  }

  private async followUpstream(name: string, answers: Answer[], query: Query, { forwarder }: Forwarding) {
    const message = plainQuery(name, query.q);
    const q = readQuestion(message);
    // A name that can't be asked for: only an object that was never validated has one.
    if (!q) return reply(query, { answers, rcode: rcode.serverFailure });
    const m = forwarder.cached(message, q, undefined) ?? (await forwarder.ask(message, q, undefined));
    const code = 'rcode' in m ? rcode.serverFailure : m.readUInt16BE(2) & 15;
    // The alias itself is known; a server that does not answer must not take it away from those who ask for it alone.
    if ('rcode' in m || (code !== rcode.noError && code !== rcode.nameError)) {
      return reply(query, { answers, rcode: rcode.serverFailure });
    }
    const { answers: more = [], authorities = [] } = decode(m);
    return reply(query, {
      answers: [...answers, ...more],
      rcode: code,
      authorities: more.length > 0 ? [] : authorities,
    });
  }
}

function reply({ message, q, edns, limit }: Query, p: Partial<ResponseParts>): Buffer {
  const empty = { rcode: 0, authoritative: true, answers: [], authorities: [], additionals: [] };
  return encodeResponse(message, q, edns, { ...empty, ...p }, limit);
}

function fail({ message, q, edns }: Query, code: number): Buffer {
  return bareResponse(message, q.end, code, { edns: edns !== undefined });
}

/** A query for another name with the type and class of the original. */
function plainQuery(name: string, q: QuestionView): Buffer {
  const labels = name.split('.').map((l) => Buffer.from(l, 'latin1'));
  const tail = Buffer.alloc(5);
  tail.writeUInt16BE(q.type, 1);
  tail.writeUInt16BE(q.class, 3);
  const header = Buffer.alloc(headerLength);
  header.writeUInt16BE(flag.recursionDesired, 2);
  header.writeUInt16BE(1, 4);
  return Buffer.concat([header, ...labels.flatMap((l) => [Buffer.from([l.length]), l]), tail]);
}

function random(below: number): number {
  return Math.floor(Math.random() * below);
}

/** Clients that take the first address must not all take the same one. */
function rotate(answers: Answer[], by: number): Answer[] {
  return by === 0 ? answers : [...answers.slice(by), ...answers.slice(0, by)];
}
