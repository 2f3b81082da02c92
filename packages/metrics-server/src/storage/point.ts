/** What was read of a node or container at a time. */
export interface Point {
  /** When the node measured it, ms since the epoch. */
  timestampMs: number;
  /** CPU time used since the start, in seconds. */
  cpuSeconds: number;
  memoryBytes: number;
  /** Of the container; a smaller counter after a newer start is no error. */
  startMs?: number;
}

/** The points of one node and its pods. */
export interface NodeBatch {
  nodeName: string;
  node?: Point;
  /** By `NAMESPACE/NAME`, then container. */
  pods: Map<string, Map<string, Point>>;
}

/** Usage over a window. */
export interface Usage {
  timestampMs: number;
  windowMs: number;
  cpuNanoCores: number;
  memoryBytes: number;
}

/** The usage between two points. Undefined where they say nothing: no time between them, or a counter that fell. */
export function usageBetween(prev: Point, last: Point): Usage | undefined {
  const windowMs = last.timestampMs - prev.timestampMs;
  if (windowMs <= 0 || last.cpuSeconds < prev.cpuSeconds) return undefined;
  return {
    timestampMs: last.timestampMs,
    windowMs,
    cpuNanoCores: Math.round(((last.cpuSeconds - prev.cpuSeconds) / windowMs) * 1e12),
    memoryBytes: last.memoryBytes,
  };
}
