import type { Match, Option, Rule, Target, Value } from './types.js';

/** `not('10.0.0.0/8')` negates a value: `! -s 10.0.0.0/8`. */
export const not = (value: string): Value => ({ value, not: true });

const opt = (name: string, ...values: (string | number)[]): Option => ({ name, values: values.map(String) });
const toValue = (v: string | Value): Value => (typeof v === 'string' ? { value: v } : v);

/** The parts of a rule in words; matches of their own modules are given as a list, built by `match.*`. */
export interface RuleSpec {
  source?: string | Value | undefined;
  destination?: string | Value | undefined;
  inInterface?: string | Value | undefined;
  outInterface?: string | Value | undefined;
  protocol?: string | Value | undefined;
  matches?: Match[];
  /** Comment of at most 255 bytes, put first among the matches as kube-proxy does. */
  comment?: string | undefined;
  target?: Target;
}

/** Makes a typed rule. */
export function rule(spec: RuleSpec): Rule {
  const matches = spec.matches ?? [];
  const r: Rule = { matches: spec.comment === undefined ? matches : [match.comment(spec.comment), ...matches] };
  if (spec.source !== undefined) r.source = toValue(spec.source);
  if (spec.destination !== undefined) r.destination = toValue(spec.destination);
  if (spec.inInterface !== undefined) r.inInterface = toValue(spec.inInterface);
  if (spec.outInterface !== undefined) r.outInterface = toValue(spec.outInterface);
  if (spec.protocol !== undefined) r.protocol = toValue(spec.protocol);
  if (spec.target) r.target = spec.target;
  return r;
}

/** Matches by module, as in iptables-extensions(8). */
export const match = {
  comment: (text: string): Match => ({ module: 'comment', options: [opt('comment', text)] }),
  /** Ports of tcp, udp, sctp. A range is `1000:2000`. */
  destinationPort: (protocol: string, port: number | string): Match => ({
    module: protocol,
    options: [opt('dport', port)],
  }),
  sourcePort: (protocol: string, port: number | string): Match => ({ module: protocol, options: [opt('sport', port)] }),
  /** True with a probability between 0 and 1. Ten decimals, as kube-proxy writes them. */
  probability: (p: number): Match => ({
    module: 'statistic',
    options: [opt('mode', 'random'), opt('probability', p.toFixed(10))],
  }),
  addressType: (which: 'src-type' | 'dst-type', type: string, negated = false): Match => ({
    module: 'addrtype',
    options: [negated ? { ...opt(which, type), not: true } : opt(which, type)],
  }),
  /** Packet mark, `0x4000/0x4000`. */
  mark: (mark: string, negated = false): Match => ({
    module: 'mark',
    options: [negated ? { ...opt('mark', mark), not: true } : opt('mark', mark)],
  }),
  connectionState: (...states: string[]): Match => ({
    module: 'conntrack',
    options: [opt('ctstate', states.join(','))],
  }),
  /** Sources seen within `seconds` on the list `name`; entries older are reaped. */
  recentlySeen: (name: string, seconds: number): Match => ({
    module: 'recent',
    options: [opt('name', name), opt('rcheck'), opt('seconds', seconds), opt('reap')],
  }),
  /** Puts the source on the list `name`. */
  remember: (name: string): Match => ({ module: 'recent', options: [opt('name', name), opt('set')] }),
  /** Membership in an ipset; `directions` is `src`, `dst`, `dst,dst`. */
  set: (name: string, directions: string, negated = false): Match => ({
    module: 'set',
    options: [negated ? { ...opt('match-set', name, directions), not: true } : opt('match-set', name, directions)],
  }),
  bridged: (): Match => ({ module: 'physdev', options: [opt('physdev-is-bridged')] }),
};

/** Targets, as in iptables-extensions(8); `target.jump` for user chains. */
export const target = {
  jump: (chain: string): Target => ({ name: chain, options: [] }),
  goto: (chain: string): Target => ({ name: chain, options: [], goto: true }),
  accept: (): Target => ({ name: 'ACCEPT', options: [] }),
  drop: (): Target => ({ name: 'DROP', options: [] }),
  return: (): Target => ({ name: 'RETURN', options: [] }),
  reject: (how?: string): Target => ({ name: 'REJECT', options: how ? [opt('reject-with', how)] : [] }),
  /** `--or-mark`. */
  orMark: (mark: string): Target => ({ name: 'MARK', options: [opt('or-mark', mark)] }),
  /** `--xor-mark`: toggles bits. */
  xorMark: (mark: string): Target => ({ name: 'MARK', options: [opt('xor-mark', mark)] }),
  /** `--set-xmark value/mask`. */
  setXMark: (mark: string): Target => ({ name: 'MARK', options: [opt('set-xmark', mark)] }),
  /** To `10.0.0.1:80` or `[fd00::1]:80`. */
  dnat: (destination: string): Target => ({ name: 'DNAT', options: [opt('to-destination', destination)] }),
  masquerade: (randomFully = false): Target => ({
    name: 'MASQUERADE',
    options: randomFully ? [opt('random-fully')] : [],
  }),
};
