import { createHash } from 'node:crypto';
import type { V1LabelSelector, V1NetworkPolicy, V1NetworkPolicyPeer, V1NetworkPolicyPort } from '@kubelab/api';
import { labelSelectorAsSelector, type Selector } from '@kubelab/apimachinery';
import { match, type RuleSpec, renderRule, rule, target } from '@kubelab/node-iptables';
import { familyOf, type IpFamily } from '../address.js';
import { type PolicyInput, type PolicyPod, policyTypes } from './model.js';

/** An ipset: its type and its members, in the form `ipset save` prints. */
export interface SetSpec {
  type: 'hash:ip' | 'hash:net' | 'hash:ip,port';
  members: Set<string>;
}

/** The rules of one family on one node. */
export interface CompiledPolicies {
  sets: Map<string, SetSpec>;
  /** mangle table: chain to rules. */
  chains: Map<string, string[]>;
  /** Entries of the dispatch chain: isolated local pods. */
  dispatch: Map<string, string[]>;
}

export const policyChain = {
  /** Called first for everything forwarded, and for what pods send to this node. */
  root: 'KUBELAB-POLICY',
} as const;

export function isPolicyChain(_table: string, name: string): boolean {
  return /^KUBELAB-(POLICY$|P[IE]-|N[IE]-)/.test(name);
}

export const setPrefix = 'kubelab-';

/** Set by a policy's chain when it allows the packet; cleared before and after. */
const allowed = '0x10000/0x10000';

type Direction = 'ingress' | 'egress';

const text = (spec: RuleSpec) => renderRule(rule(spec));
const hash = (s: string) => createHash('sha256').update(s).digest('hex').slice(0, 14);

/**
 * Turns policies into chains and sets. Each isolated local pod has a chain a direction (KUBELAB-PI, KUBELAB-PE) that
 * asks each policy's chain (KUBELAB-NI, KUBELAB-NE) and drops what none allows. Pure.
 */
export function compilePolicies(input: PolicyInput, family: IpFamily): CompiledPolicies {
  return new Compiler(input, family).compile();
}

class Compiler {
  private readonly out: CompiledPolicies = { sets: new Map(), chains: new Map(), dispatch: new Map() };
  private readonly pods: PolicyPod[];
  private readonly byNamespace = new Map<string, PolicyPod[]>();
  private readonly selectors = new Map<V1LabelSelector | undefined, Selector>();

  constructor(
    private readonly input: PolicyInput,
    private readonly family: IpFamily,
  ) {
    this.pods = [...input.pods];
    for (const pod of this.pods) {
      const others = this.byNamespace.get(pod.namespace);
      if (others) others.push(pod);
      else this.byNamespace.set(pod.namespace, [pod]);
    }
  }

  compile(): CompiledPolicies {
    const isolating = new Map<PolicyPod, Record<Direction, string[]>>();
    for (const policy of this.input.policies) {
      const types = policyTypes(policy);
      const podSelector = this.selector(policy.spec?.podSelector ?? {});
      const selected = this.inNamespace(policy.metadata?.namespace).filter(
        (p) => p.local && this.ips(p).length > 0 && podSelector.matches(p.labels),
      );
      if (selected.length === 0) continue;
      for (const direction of ['ingress', 'egress'] as const) {
        if (!types[direction]) continue;
        const chain = this.policyChain(policy, direction, selected);
        for (const pod of selected) {
          const entry = isolating.get(pod) ?? { ingress: [], egress: [] };
          entry[direction].push(chain);
          isolating.set(pod, entry);
        }
      }
    }
    for (const [pod, chains] of isolating) this.podChains(pod, chains);
    return this.out;
  }

  /** The pod's own chains, and the jumps to them. */
  private podChains(pod: PolicyPod, policies: Record<Direction, string[]>): void {
    const jumps: string[] = [];
    for (const direction of ['egress', 'ingress'] as const) {
      const chains = policies[direction];
      if (chains.length === 0) continue;
      const name = `KUBELAB-P${direction === 'ingress' ? 'I' : 'E'}-${hash(pod.key)}`;
      const unmark = text({ target: target.setXMark('0x0/0x10000') });
      const rules: string[] = [];
      // A pod can't be cut off from itself, not even through a Service.
      for (const ip of this.ips(pod)) rules.push(text({ source: ip, destination: ip, target: target.return() }));
      rules.push(unmark);
      for (const chain of chains.sort()) {
        rules.push(text({ target: target.jump(chain) }));
        rules.push(text({ matches: [match.mark(allowed)], target: target.return() }));
      }
      rules.push(text({ comment: `kubelab: no policy allows ${direction} of ${pod.key}`, target: target.drop() }));
      this.out.chains.set(name, rules);
      for (const ip of this.ips(pod)) {
        const side = direction === 'ingress' ? { destination: ip } : { source: ip };
        jumps.push(text({ ...side, comment: `kubelab: ${pod.key}`, target: target.jump(name) }));
      }
    }
    if (jumps.length > 0) this.out.dispatch.set(pod.key, jumps);
  }

  /** What one policy allows in one direction: each of its rules marks the packet. */
  private policyChain(policy: V1NetworkPolicy, direction: Direction, selected: PolicyPod[]): string {
    const { namespace = '', name = '' } = policy.metadata ?? {};
    const chain = `KUBELAB-N${direction === 'ingress' ? 'I' : 'E'}-${hash(`${namespace}/${name}`)}`;
    const rules: string[] = [];
    const list = (direction === 'ingress' ? policy.spec?.ingress : policy.spec?.egress) ?? [];
    list.forEach((r, i) => {
      const peers = 'from' in r ? r.from : 'to' in r ? r.to : undefined;
      const id = `${namespace}/${name}/${direction}/${i}`;
      // An absent or empty list of peers is everybody; of ports, every port.
      const isAnybody = !peers || peers.length === 0;
      const peerPods = isAnybody ? this.pods : this.peerPods(peers, namespace);
      const sets = isAnybody ? [undefined] : this.peerSets(peers, peerPods, id);
      const ports = r.ports && r.ports.length > 0 ? r.ports : [undefined];
      for (const [k, port] of ports.entries()) {
        if (port && typeof port.port === 'string') {
          const owners = direction === 'ingress' ? selected : peerPods;
          const named = this.namedPortSet(port, owners, `${id}/${k}`);
          // On the way out the set of ports names the peers already.
          const peerSets = direction === 'ingress' ? sets : [undefined];
          for (const s of peerSets) rules.push(this.allow(direction, s, [match.set(named, 'dst,dst')]));
        } else {
          for (const s of sets) rules.push(this.allow(direction, s, [], port));
        }
      }
    });
    this.out.chains.set(chain, rules);
    return chain;
  }

  private allow(
    direction: Direction,
    set: string | undefined,
    matches: ReturnType<typeof match.set>[],
    port?: V1NetworkPolicyPort,
  ): string {
    const all = [...matches];
    if (set !== undefined) all.push(match.set(set, direction === 'ingress' ? 'src' : 'dst'));
    const protocol = port ? (port.protocol ?? 'TCP').toLowerCase() : undefined;
    if (protocol && port?.port !== undefined) {
      const range = port.endPort === undefined ? port.port : `${port.port}:${port.endPort}`;
      all.push(match.destinationPort(protocol, range));
    }
    return text({ protocol, matches: all, target: target.orMark('0x10000') });
  }

  /** One set of pods, and one a block of addresses: exceptions of one block must not cut into another peer. */
  private peerSets(peers: V1NetworkPolicyPeer[], pods: PolicyPod[], id: string): string[] {
    const names: string[] = [];
    if (peers.some((p) => !p.ipBlock)) {
      names.push(this.addSet(`${id}/pods`, { type: 'hash:ip', members: new Set(pods.flatMap((p) => this.ips(p))) }));
    }
    peers.forEach((peer, i) => {
      const block = peer.ipBlock;
      if (!block || familyOf(block.cidr) !== this.family) return;
      const members = new Set(halves(block.cidr));
      for (const e of block.except ?? [])
        if (familyOf(e) === this.family) for (const h of halves(e)) members.add(`${h} nomatch`);
      names.push(this.addSet(`${id}/block/${i}`, { type: 'hash:net', members }));
    });
    return names;
  }

  private namedPortSet(port: V1NetworkPolicyPort, owners: PolicyPod[], id: string): string {
    const protocol = (port.protocol ?? 'TCP').toLowerCase();
    const members = new Set<string>();
    for (const pod of owners) {
      for (const p of pod.ports) {
        if (p.name !== port.port || p.protocol !== protocol) continue;
        for (const ip of this.ips(pod)) members.add(`${ip},${protocol}:${p.port}`);
      }
    }
    return this.addSet(`${id}/port`, { type: 'hash:ip,port', members });
  }

  private addSet(id: string, spec: SetSpec): string {
    const name = `${setPrefix}${this.family === 'ipv6' ? '6' : '4'}${hash(id)}`;
    this.out.sets.set(name, spec);
    return name;
  }

  /** Pods that any of the peers' selectors selects. */
  private peerPods(peers: V1NetworkPolicyPeer[], own: string): PolicyPod[] {
    const found = new Set<PolicyPod>();
    for (const peer of peers) {
      if (peer.ipBlock) continue;
      const pods = peer.podSelector && this.selector(peer.podSelector);
      for (const namespace of peer.namespaceSelector ? this.namespaces(peer.namespaceSelector) : [own]) {
        for (const pod of this.inNamespace(namespace)) if (!pods || pods.matches(pod.labels)) found.add(pod);
      }
    }
    return [...found];
  }

  private namespaces(s: V1LabelSelector): string[] {
    const selector = this.selector(s);
    return [...this.byNamespace.keys()].filter((name) => selector.matches(this.input.namespaces.get(name)));
  }

  private inNamespace(name = ''): PolicyPod[] {
    return this.byNamespace.get(name) ?? [];
  }

  private selector(s: V1LabelSelector): Selector {
    let compiled = this.selectors.get(s);
    if (!compiled) {
      compiled = labelSelectorAsSelector(s);
      this.selectors.set(s, compiled);
    }
    return compiled;
  }

  private ips(pod: PolicyPod): string[] {
    return pod.ips[this.family];
  }
}

/** hash:net can't hold the prefix length 0: everything is two halves. Hosts are shown without their length. */
function halves(cidr: string): string[] {
  if (cidr.endsWith('/0')) return cidr.includes(':') ? ['::/1', '8000::/1'] : ['0.0.0.0/1', '128.0.0.0/1'];
  return [cidr.replace(cidr.includes(':') ? /\/128$/ : /\/32$/, '')];
}
