import { age, cacheSeconds, headerLength, type QuestionView, readQuestion } from '../wire/message.js';

interface Entry {
  message: Buffer;
  questionEnd: number;
  storedAtMs: number;
  expiresAtMs: number;
}

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
  get(key: string, query: Buffer, question: QuestionView): Buffer | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    const now = this.now();
    this.entries.delete(key);
    if (entry.expiresAtMs <= now) return undefined;
    this.entries.set(key, entry);
    const copy = Buffer.from(entry.message);
    copy.writeUInt16BE(question.id, 0);
    query.copy(copy, headerLength, headerLength, question.end - 4);
    age(copy, entry.questionEnd, Math.floor((now - entry.storedAtMs) / 1000));
    return copy;
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
    });
    if (this.entries.size > this.o.maxEntries) {
      const oldest = this.entries.keys().next().value;
      if (oldest !== undefined) this.entries.delete(oldest);
    }
  }
}
