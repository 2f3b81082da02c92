import { type Clock, systemClock } from '../clock.js';
import { TokenBucket } from '../rest/rate-limiter.js';
import { aggregateKey, type Event, eventKey, spamKey } from './event.js';

/** What to write: a new event, or a new count (and time) of one written before. Undefined: drop it, it is spam. */
export type Correlated = { event: Event; update: boolean; key: string } | undefined;

const maxEntries = 4096;
const spamBurst = 25;
const spamQps = 1 / 300;
/** This many events that differ only in their message, within the interval, are combined. */
const maxSimilar = 10;
const similarIntervalMs = 600_000;

/** client-go's EventCorrelator: spam filter, aggregation of similar events, counting of equal ones. */
export class EventCorrelator {
  private readonly buckets = new Map<string, TokenBucket>();
  private readonly similar = new Map<string, { messages: Set<string>; lastMs: number }>();
  private readonly written = new Map<string, { name: string; firstTimestamp: string; count: number }>();

  constructor(private readonly clock: Clock = systemClock) {}

  correlate(event: Event): Correlated {
    const { key, combined } = this.aggregate(event);
    const known = recall(this.written, key);
    const result = combined;
    if (known) {
      result.metadata.name = known.name;
      result.firstTimestamp = known.firstTimestamp;
      result.count = known.count + 1;
    }
    if (this.isSpam(event)) return undefined;
    this.remember(key, result);
    return { event: result, update: result.count > 1, key };
  }

  /** Further equal events count up this one: what was written before is gone from the server (expired). */
  remember(key: string, event: Event): void {
    const { metadata, firstTimestamp, count } = event;
    keep(this.written, key, { name: metadata.name ?? '', firstTimestamp, count });
  }

  private aggregate(event: Event): { key: string; combined: Event } {
    const group = aggregateKey(event);
    const now = this.clock.now();
    let record = recall(this.similar, group);
    if (!record || now - record.lastMs > similarIntervalMs) record = { messages: new Set(), lastMs: now };
    record.messages.add(event.message);
    record.lastMs = now;
    keep(this.similar, group, record);
    if (record.messages.size < maxSimilar) return { key: eventKey(event), combined: event };
    const first = record.messages.values().next();
    if (!first.done && record.messages.size > maxSimilar) record.messages.delete(first.value);
    return { key: group, combined: { ...event, message: `(combined from similar events): ${event.message}` } };
  }

  private isSpam(event: Event): boolean {
    const key = spamKey(event);
    const bucket = recall(this.buckets, key) ?? new TokenBucket(spamQps, spamBurst, this.clock);
    keep(this.buckets, key, bucket);
    return !bucket.tryAccept();
  }
}

function recall<V>(map: Map<string, V>, key: string): V | undefined {
  return map.get(key);
}

/** Puts the entry last; drops the one not used for longest when there are too many. */
function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > maxEntries) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
}
