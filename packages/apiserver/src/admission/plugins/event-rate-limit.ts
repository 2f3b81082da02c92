import { newTooManyRequests } from '@kubelab/apimachinery';
import { only } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

export interface EventLimit {
  type: 'Server' | 'Namespace' | 'User' | 'SourceAndObject';
  qps: number;
  burst: number;
  /** How many namespaces, users or objects are remembered. */
  cacheSize?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Limits how many events come in: by server, namespace, user, or source and object. */
export class EventRateLimit implements AdmissionPlugin {
  readonly name = 'EventRateLimit';
  readonly handles = only('CREATE', 'UPDATE');
  private readonly buckets = new Map<EventLimit, Map<string, Bucket>>();

  constructor(
    private readonly limits: EventLimit[] = [{ type: 'Server', qps: 5000, burst: 20_000 }],
    private readonly now: () => number = () => performance.now(),
  ) {}

  validate(a: AdmissionAttributes): void {
    const isEvent =
      a.resource.resource === 'events' && (a.resource.group === '' || a.resource.group === 'events.k8s.io');
    if (!isEvent || a.subresource !== '' || a.dryRun) return;
    for (const limit of this.limits) {
      if (!this.take(limit, keyOf(limit, a))) {
        throw newTooManyRequests(`limit reached on type ${limit.type} for key ${keyOf(limit, a)}`, 1);
      }
    }
  }

  private take(limit: EventLimit, key: string): boolean {
    let buckets = this.buckets.get(limit);
    if (!buckets) {
      buckets = new Map();
      this.buckets.set(limit, buckets);
    }
    const now = this.now();
    const bucket = buckets.get(key) ?? { tokens: limit.burst, at: now };
    bucket.tokens = Math.min(limit.burst, bucket.tokens + ((now - bucket.at) / 1000) * limit.qps);
    bucket.at = now;
    // Back to the end: the first of the map is the one unused for longest.
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > (limit.cacheSize ?? 4096)) {
      const oldest = buckets.keys().next().value;
      if (oldest !== undefined) buckets.delete(oldest);
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

function keyOf(limit: EventLimit, a: AdmissionAttributes): string {
  switch (limit.type) {
    case 'Server':
      return '';
    case 'Namespace':
      return a.namespace;
    case 'User':
      return a.user.name;
    case 'SourceAndObject': {
      const e = a.object as
        | { source?: { component?: string; host?: string }; involvedObject?: Record<string, string> }
        | undefined;
      const o = e?.involvedObject ?? {};
      return [e?.source?.component, e?.source?.host, o.kind, o.namespace, o.name, o.uid, o.apiVersion].join('');
    }
  }
}
