/** Positions inside a DNS message (RFC 1035, section 4), read without decoding the records. */
export interface QuestionView {
  id: number;
  flags: number;
  /** Lower case, without the final dot; bytes outside of ASCII as Latin-1. */
  name: string;
  type: number;
  class: number;
  /** Offset after the question. */
  end: number;
}

export const headerLength = 12;
export const flag = {
  response: 0x8000,
  opcode: 0x7800,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
} as const;
export const rcode = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;
export type RcodeName = keyof typeof rcode;
const optType = 41;

/** The header and the only question of a query, or undefined if it is not a well-formed message with one question. */
export function readQuestion(m: Buffer): QuestionView | undefined {
  if (m.length < headerLength + 5 || m.readUInt16BE(4) !== 1) return undefined;
  let at = headerLength;
  let name = '';
  for (;;) {
    const length = m[at];
    if (length === undefined) return undefined;
    at++;
    if (length === 0) break;
    // Compression makes no sense in the first name, and labels are at most 63 bytes.
    if (length > 63 || at + length > m.length) return undefined;
    name += `${name === '' ? '' : '.'}${m.toString('latin1', at, at + length)}`;
    at += length;
    if (at - headerLength > 255) return undefined;
  }
  if (at + 4 > m.length) return undefined;
  return {
    id: m.readUInt16BE(0),
    flags: m.readUInt16BE(2),
    name: name.toLowerCase(),
    type: m.readUInt16BE(at),
    class: m.readUInt16BE(at + 2),
    end: at + 4,
  };
}

interface RecordView {
  section: 'answer' | 'authority' | 'additional';
  type: number;
  class: number;
  ttlAt: number;
  start: number;
  end: number;
}

/** The records after the question. Throws RangeError for a message that is cut off. */
export function* records(m: Buffer, from: number): Generator<RecordView> {
  let at = from;
  const counts = [m.readUInt16BE(6), m.readUInt16BE(8), m.readUInt16BE(10)];
  for (const [i, section] of (['answer', 'authority', 'additional'] as const).entries()) {
    for (let n = counts[i] ?? 0; n > 0; n--) {
      const start = at;
      for (;;) {
        const length = m.readUInt8(at++);
        if (length === 0) break;
        if (length >= 0xc0) {
          at++;
          break;
        }
        at += length;
      }
      const type = m.readUInt16BE(at);
      const end = at + 10 + m.readUInt16BE(at + 8);
      if (end > m.length) throw new RangeError('record reaches over the end of the message');
      yield { section, type, class: m.readUInt16BE(at + 2), ttlAt: at + 4, start, end };
      at = end;
    }
  }
}

/** What the EDNS0 record of a query says (RFC 6891). */
export interface Edns {
  udpSize: number;
  version: number;
  dnssecOk: boolean;
}

/**
 * The EDNS0 parameters of a message, or undefined if it has none. Throws RangeError for a cut message, and for one with
 * several, which is malformed (RFC 6891, 6.1.1).
 */
export function readEdns(m: Buffer, questionEnd: number): Edns | undefined {
  if (m.readUInt16BE(10) === 0) return undefined;
  let found: Edns | undefined;
  for (const r of records(m, questionEnd)) {
    if (r.type !== optType) continue;
    if (found) throw new RangeError('several OPT records');
    found = {
      udpSize: r.class,
      version: m.readUInt8(r.ttlAt + 1),
      dnssecOk: (m.readUInt16BE(r.ttlAt + 2) & 0x8000) !== 0,
    };
  }
  return found;
}

/** Seconds that an answer may be kept: the smallest TTL, of a negative one the SOA's minimum (RFC 2308). */
export function cacheSeconds(m: Buffer, questionEnd: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const r of records(m, questionEnd)) {
    if (r.type === optType || r.section === 'additional') continue;
    let ttl = m.readUInt32BE(r.ttlAt);
    if (r.section === 'authority' && r.type === 6) ttl = Math.min(ttl, m.readUInt32BE(r.end - 4));
    least = Math.min(least, ttl);
  }
  return Number.isFinite(least) ? least : 0;
}

/** Lowers all TTLs by the time an answer has been kept. Changes the message. */
export function age(m: Buffer, questionEnd: number, seconds: number): void {
  if (seconds <= 0) return;
  for (const r of records(m, questionEnd)) {
    if (r.type !== optType) m.writeUInt32BE(Math.max(0, m.readUInt32BE(r.ttlAt) - seconds), r.ttlAt);
  }
}

/** Flags of a response: opcode, RD and CD are the query's. */
export function responseFlags(query: number, code: number, authoritative: boolean, truncated: boolean): number {
  return (
    flag.response |
    flag.recursionAvailable |
    (query & (flag.opcode | flag.recursionDesired | flag.checkingDisabled)) |
    (authoritative ? flag.authoritative : 0) |
    (truncated ? flag.truncated : 0) |
    (code & 15)
  );
}

/** Size of a UDP answer that fits into any network unfragmented (dnsflagday.net/2020), and what we announce. */
export const ourUdpSize = 1232;

/** The EDNS0 record of a response, with the upper bits of its code. Every answer to a query with EDNS has one. */
export function optRecord(code: number): Buffer {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(optType, 1);
  opt.writeUInt16BE(ourUdpSize, 3);
  opt.writeUInt8(code >> 4, 5);
  return opt;
}

/** An answer without records: errors, and what did not fit into a datagram (`truncated`). */
export function bareResponse(
  query: Buffer,
  questionEnd: number,
  code: number,
  { truncated = false, edns = false }: { truncated?: boolean; edns?: boolean } = {},
): Buffer {
  const question = query.subarray(0, questionEnd);
  const out = edns ? Buffer.concat([question, optRecord(code)]) : Buffer.from(question);
  out.writeUInt16BE(responseFlags(query.readUInt16BE(2), code, false, truncated), 2);
  out.writeUInt16BE(questionEnd > headerLength ? 1 : 0, 4);
  out.fill(0, 6, headerLength);
  if (edns) out.writeUInt16BE(1, 10);
  return out;
}
