import { type Edns, flag, headerLength, type QuestionView } from './wire/message.js';

const maxEntries = 4096;
/** Different orders of the records of one answer that are kept. */
const maxTurns = 8;

/**
 * Encoded answers about the cluster's own names: encoding is most of the work, and the same few names are asked for all
 * the time. Everything is forgotten when the state that the answers came from changes.
 */
export class AnswerMemo {
  private readonly entries = new Map<string, (Buffer | undefined)[]>();
  private generation = -1;
  private source: unknown;

  /** To be called before each use, with the version of the state and the configuration in force. */
  begin(generation: number, source: unknown): void {
    if (generation === this.generation && source === this.source) return;
    this.entries.clear();
    this.generation = generation;
    this.source = source;
  }

  /** A copy with this query's id, or undefined. Which of the orders is a matter of chance. */
  get(query: Buffer, q: QuestionView, edns: Edns | undefined, limit: number): Buffer | undefined {
    const turns = this.entries.get(keyOf(query, q, edns, limit));
    const m = turns?.[turns.length === 1 ? 0 : Math.floor(Math.random() * turns.length)];
    return m && withId(m, q.id);
  }

  /** Encodes the answer that begins with some record of `count`, keeps it and returns it. */
  keep(
    query: Buffer,
    q: QuestionView,
    edns: Edns | undefined,
    limit: number,
    count: number,
    encode: (first: number) => Buffer,
  ): Buffer {
    const key = keyOf(query, q, edns, limit);
    let turns = this.entries.get(key);
    if (!turns) {
      // Nobody asks for so many names of a cluster but one who makes them up: no better order to forget them is needed.
      if (this.entries.size >= maxEntries) this.entries.clear();
      turns = new Array<undefined>(Math.max(1, Math.min(count, maxTurns))).fill(undefined);
      this.entries.set(key, turns);
    }
    const turn = Math.floor(Math.random() * turns.length);
    // Turns are spread over all records, of which there may be more.
    const m = encode(Math.floor((turn * Math.max(1, count)) / turns.length));
    turns[turn] = m;
    return withId(m, q.id);
  }
}

/** All that an answer depends on: the question byte by byte (its spelling is repeated), EDNS, size, RD and CD. */
function keyOf(query: Buffer, q: QuestionView, edns: Edns | undefined, limit: number): string {
  const flags = q.flags & (flag.recursionDesired | flag.checkingDisabled);
  return `${limit}${edns ? 'E' : '-'}${flags} ${query.toString('latin1', headerLength, q.end)}`;
}

function withId(m: Buffer, id: number): Buffer {
  const copy = Buffer.from(m);
  copy.writeUInt16BE(id, 0);
  return copy;
}
