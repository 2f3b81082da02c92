import { age, cacheSeconds, headerLength, type QuestionView, readQuestion } from '../wire/message.js';

interface Entry {
  message: Buffer;
  questionEnd: number;
  storedAtMs: number;
  expiresAtMs: number;
  hits: number;
}

export interface CacheHit {
  message: Buffer;
  /** Asked for often and about to run out: to be asked upstream again. True once an entry. */
  isDue: boolean;
}

/** An entry is asked again if it was hit so often, in the last part of its time, as in CoreDNS' `prefetch`. */
const prefetchHits = 3;
const prefetchPart = 0.1;

export interface CacheOptions {
  maxEntries: number;
  /** Upper bounds of what upstream servers ask for, in seconds. */
  maxTtlSeconds: number;
  maxNegativeTtlSeconds: number;
  now?: () => number;
}

/** Encoded answers of upstream servers by question; the least recently used go first. */
export class AnswerCache {
  private readonly entries = new Map<string, Entry>();
  private readonly now: () => number;

  constructor(private readonly o: CacheOptions) {
    this.now = o.now ?? Date.now;
  }

  get size(): number {
    return this.entries.size;
  }

  /** A copy for this query: its id, its spelling of the name, TTLs lowered by the age. */
  get(key: string, query: Buffer, question: QuestionView): CacheHit | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    const now = this.now();
    this.entries.delete(key);
    if (entry.expiresAtMs <= now) return undefined;
    this.entries.set(key, entry);
    const message = Buffer.from(entry.message);
    message.writeUInt16BE(question.id, 0);
    query.copy(message, headerLength, headerLength, question.end - 4);
    age(message, entry.questionEnd, Math.floor((now - entry.storedAtMs) / 1000));
    entry.hits++;
    const isDue =
      entry.hits >= prefetchHits && entry.expiresAtMs - now < (entry.expiresAtMs - entry.storedAtMs) * prefetchPart;
    if (isDue) entry.hits = Number.NEGATIVE_INFINITY;
    return { message, isDue };
  }

  /** Keeps an answer, unless it is a failure, truncated or forbids it by a TTL of 0. */
  set(key: string, message: Buffer): void {
    const question = readQuestion(message);
    if (!question || (question.flags & 0x0200) !== 0) return;
    const code = question.flags & 15;
    if (code !== 0 && code !== 3) return;
    const isNegative = code === 3 || message.readUInt16BE(6) === 0;
    const limit = isNegative ? this.o.maxNegativeTtlSeconds : this.o.maxTtlSeconds;
    const seconds = Math.min(cacheSeconds(message, question.end), limit);
    if (seconds <= 0) return;
    const now = this.now();
    this.entries.set(key, {
      message: Buffer.from(message),
      questionEnd: question.end,
      storedAtMs: now,
      expiresAtMs: now + seconds * 1000,
      hits: 0,
    });
    if (this.entries.size > this.o.maxEntries) {
      const oldest = this.entries.keys().next().value;
      if (oldest !== undefined) this.entries.delete(oldest);
    }
  }
}
