import { type NodeBatch, type Point, type Usage, usageBetween } from './point.js';

/** A container this old at least has a meaningful average since its start. */
const freshContainerMs = 10_000;

/** The last two points of every node and container: a CPU rate needs two. Nothing older is kept. */
export class MetricStorage {
  private nodes = new Map<string, { last: Point; prev?: Point }>();
  private pods = new Map<string, { last: Map<string, Point>; prev: Map<string, Point> }>();

  constructor(private readonly resolutionMs: number) {}

  /** Whether there is usage of any node or pod to tell. */
  get ready(): boolean {
    return [...this.nodes.keys()].some((name) => this.node(name)) || [...this.pods.keys()].some((key) => this.pod(key));
  }

  get nodeCount(): number {
    return this.nodes.size;
  }

  get podCount(): number {
    return this.pods.size;
  }

  /** Takes what a round of scraping brought. Nodes and pods that are not in it are forgotten. */
  store(batches: NodeBatch[]): void {
    const nodes: typeof this.nodes = new Map();
    const pods: typeof this.pods = new Map();
    for (const batch of batches) {
      if (batch.node)
        nodes.set(batch.nodeName, { last: batch.node, prev: before(batch.node, this.nodes.get(batch.nodeName)) });
      for (const [key, last] of batch.pods) {
        const known = this.pods.get(key);
        const prev = new Map<string, Point>();
        for (const [container, point] of last) {
          const earlier =
            this.fresh(point) ?? before(point, { last: known?.last.get(container), prev: known?.prev.get(container) });
          if (earlier) prev.set(container, earlier);
        }
        pods.set(key, { last, prev });
      }
    }
    this.nodes = nodes;
    this.pods = pods;
  }

  node(name: string): Usage | undefined {
    const known = this.nodes.get(name);
    return known?.prev && usageBetween(known.prev, known.last);
  }

  /** Usage by container; undefined as long as one of the containers has none: a part would pass for the whole. */
  pod(key: string): Map<string, Usage> | undefined {
    const known = this.pods.get(key);
    if (!known || known.last.size === 0) return undefined;
    const usages = new Map<string, Usage>();
    for (const [container, last] of known.last) {
      const prev = known.prev.get(container);
      const usage = prev && usageBetween(prev, last);
      if (!usage) return undefined;
      usages.set(container, usage);
    }
    return usages;
  }

  /** A container that has started since the last round is measured from its start, so that it needs no second point. */
  private fresh(point: Point): Point | undefined {
    if (point.startMs === undefined) return undefined;
    const ageMs = point.timestampMs - point.startMs;
    if (ageMs < freshContainerMs || ageMs >= this.resolutionMs) return undefined;
    return { ...point, timestampMs: point.startMs, cpuSeconds: 0 };
  }
}

/** The point to measure a new one from. Nodes may tell the same point twice, then the older one stays. */
function before(point: Point, known: { last?: Point; prev?: Point } | undefined): Point | undefined {
  if (!known?.last) return undefined;
  if (point.startMs !== undefined && point.startMs >= known.last.timestampMs) return undefined;
  return point.timestampMs > known.last.timestampMs ? known.last : known.prev;
}
