import { type Answer, encode } from 'dns-packet';
import {
  type Edns,
  headerLength,
  optRecord,
  ourUdpSize,
  type QuestionView,
  records,
  responseFlags,
} from './message.js';

export interface ResponseParts {
  rcode: number;
  /** From our own zone, not from somebody else's answer. */
  authoritative: boolean;
  answers: Answer[];
  authorities: Answer[];
  additionals: Answer[];
}

/** Bytes a client takes over UDP: 512 without EDNS, else what it says, but no more than goes unfragmented. */
export function udpLimit(edns: Edns | undefined): number {
  return edns ? Math.max(512, Math.min(edns.udpSize, ourUdpSize)) : 512;
}

/**
 * Encodes an answer to a query within `limit` bytes: the question as the client spelt it (which resolvers check),
 * EDNS if the client spoke it. What does not fit is left out, additional records first, then answers with TC set.
 */
export function encodeResponse(
  query: Buffer,
  q: QuestionView,
  edns: Edns | undefined,
  p: ResponseParts,
  limit: number,
): Buffer {
  const full = attempt(query, q, edns, p, false);
  if (full.length <= limit) return full;
  const lean = attempt(query, q, edns, { ...p, additionals: [] }, false);
  if (lean.length <= limit) return lean;
  for (let keep = p.answers.length; ; keep = Math.floor(keep * 0.75)) {
    const parts = { ...p, answers: p.answers.slice(0, keep), authorities: [], additionals: [] };
    const cut = attempt(query, q, edns, parts, true);
    if (cut.length <= limit || keep === 0) return cut;
  }
}

function attempt(query: Buffer, q: QuestionView, edns: Edns | undefined, p: ResponseParts, truncated: boolean): Buffer {
  const m = encode({
    type: 'response',
    id: q.id,
    flags: responseFlags(q.flags, p.rcode, p.authoritative, truncated),
    answers: p.answers,
    authorities: p.authorities,
    additionals: p.additionals,
  });
  const whole = Buffer.concat([
    m.subarray(0, headerLength),
    query.subarray(headerLength, q.end),
    m.subarray(headerLength),
    edns ? optRecord(p.rcode) : empty,
  ]);
  whole.writeUInt16BE(1, 4);
  if (edns) whole.writeUInt16BE(whole.readUInt16BE(10) + 1, 10);
  return compressOwners(whole, q.end);
}

/** Replaces owner names equal to the question's by a pointer to it (RFC 1035, 4.1.4): a third of the size. */
function compressOwners(m: Buffer, questionEnd: number): Buffer {
  const nameLength = questionEnd - 4 - headerLength;
  if (nameLength <= 2) return m;
  const name = m.toString('latin1', headerLength, questionEnd - 4).toLowerCase();
  const parts: Buffer[] = [m.subarray(0, questionEnd)];
  for (const r of records(m, questionEnd)) {
    const typeAt = r.ttlAt - 4;
    const isSame = typeAt - r.start === nameLength && m.toString('latin1', r.start, typeAt) === name;
    if (isSame) parts.push(pointerToQuestion, m.subarray(typeAt, r.end));
    else parts.push(m.subarray(r.start, r.end));
  }
  return Buffer.concat(parts);
}

const pointerToQuestion = Buffer.from([0xc0, headerLength]);
const empty = Buffer.alloc(0);
