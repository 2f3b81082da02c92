/** IPv4 is programmed by `iptables`, IPv6 by `ip6tables`. */
export type Family = 'ipv4' | 'ipv6';

/** Which variant of the tools: over nf_tables or over the old x_tables interface. They do not see each other's rules. */
export type Backend = 'nft' | 'legacy';

export const tableNames = ['raw', 'mangle', 'nat', 'filter', 'security'] as const;
export type TableName = (typeof tableNames)[number];

/** Chains the kernel makes: they are never flushed, declared or deleted by this library. */
export const builtinChains = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;
export type BuiltinChain = (typeof builtinChains)[number];

/** A value that may be negated with `!`. */
export interface Value {
  value: string;
  not?: boolean;
}

/** One option of a match or target: `--dport 80`, `! --ctstate NEW`, `--physdev-is-bridged`. */
export interface Option {
  name: string;
  values: string[];
  not?: boolean;
}

/** `-m module` with its options. Modules unknown to this library are kept as they are. */
export interface Match {
  module: string;
  options: Option[];
}

/** `-j name` (or `-g name`) with its options. */
export interface Target {
  name: string;
  options: Option[];
  /** True for `-g`: does not come back to the calling chain. */
  goto?: boolean;
}

export interface Counters {
  packets: number;
  bytes: number;
}

/** One rule, without the chain it is in. */
export interface Rule {
  source?: Value;
  destination?: Value;
  inInterface?: Value;
  outInterface?: Value;
  protocol?: Value;
  matches: Match[];
  target?: Target;
  counters?: Counters;
}

/** A chain as `iptables-save` shows it. */
export interface Chain {
  name: string;
  /** Policy of a built-in chain; absent for user chains. */
  policy?: string;
  counters: Counters;
  rules: Rule[];
}

/** A table as `iptables-save` shows it, chains in order. */
export interface Table {
  name: string;
  chains: Map<string, Chain>;
}
