import type { Status } from './status.js';

/** Why nodes did not take a pod: by node name, and for all nodes without an entry (that no plugin had to look at). */
export class Diagnosis extends Map<string, Status> {
  others: Status | undefined;

  /** The node's own reason, or the one of all nodes without. */
  of(nodeName: string): Status | undefined {
    return this.get(nodeName) ?? this.others;
  }

  /** Which plugins turned nodes down. */
  plugins(): Set<string> {
    const names = new Set<string>();
    for (const status of this.values()) if (status.plugin) names.add(status.plugin);
    if (this.others?.plugin) names.add(this.others.plugin);
    return names;
  }
}
