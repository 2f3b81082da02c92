import type { RuleOptions } from '../iptables/options.js';
import type { CategorizedEndpoints } from '../model/categorize.js';
import type { ServicePort } from '../model/types.js';

/** An element of a map, or of a set (with no value). */
export interface Element {
  map: string;
  key: string;
  value: string;
  comment?: string;
}

/** What one service port puts into the table. */
export interface Part {
  /** By `MAP KEY`. */
  elements: Map<string, Element>;
  /** Chains of its own. */
  chains: Map<string, string[]>;
  /** Chains shared with others: of the form `maps` alone. */
  shared: Map<string, string[]>;
  /** Sets of clients of an endpoint, for session affinity: name to timeout in seconds. */
  clientSets: Map<string, number>;
}

/**
 * How traffic comes to endpoints. `chains`: a chain for each service port and each endpoint, as in kube-proxy. `maps`:
 * one map for all endpoints, for clusters where chains cost too much (README, "nftables mode").
 */
export type Form = 'chains' | 'maps';

/** What a service port's part is computed of. */
export interface PartInput {
  port: ServicePort;
  endpoints: CategorizedEndpoints;
  options: RuleOptions;
}

/** Where traffic to a service port goes: the chains that elements of `service-ips` and `service-nodeports` name. */
export interface Destinations {
  internal(key: string): string;
  external(key: string, isNodePort: boolean): string;
}

export function emptyPart(): Part {
  return { elements: new Map(), chains: new Map(), shared: new Map(), clientSets: new Map() };
}

/** Adds an element unless the part has that key already. */
export function addElement(part: Part, e: Element): void {
  const id = `${e.map} ${e.key}`;
  if (!part.elements.has(id)) part.elements.set(id, e);
}
