import { type Hook, not, type Restorer, type RuleSpec, renderRule, rule, target } from '@kubelab/node-iptables';

/** Chains of the pod network. They are not kube-proxy's: its names are only for what it writes. */
export const chain = {
  postrouting: 'KUBELAB-POSTROUTING',
  forward: 'KUBELAB-FORWARD',
  canary: 'KUBELAB-CANARY',
} as const;

export function isNetworkChain(_table: string, name: string): boolean {
  return name === chain.postrouting || name === chain.forward;
}

const text = (spec: RuleSpec) => renderRule(rule(spec));

export interface NetworkRules {
  /** Pod CIDRs of this node, of this family. */
  podCidrs: string[];
  /** Everything that pods reach without NAT: the cluster's pod networks. */
  clusterCidrs: string[];
  masquerade: boolean;
  multicast: string;
}

/**
 * - Traffic of this node's pods to anything but pods is masqueraded, so that the answers find back.
 * - Traffic to and from pods is accepted in FORWARD, before Docker's policy DROP, unless a rule before ours
 *   (a network policy) has dropped it.
 */
export function setNetworkRules(r: Restorer, n: NetworkRules): void {
  const masquerade: string[] = [];
  if (n.masquerade) {
    for (const cidr of n.clusterCidrs) {
      masquerade.push(
        text({ destination: cidr, comment: 'kubelab: pods see each other unmasked', target: target.return() }),
      );
    }
    for (const cidr of n.podCidrs) {
      masquerade.push(
        text({
          source: cidr,
          destination: not(n.multicast),
          comment: 'kubelab: pods to the outside',
          target: target.masquerade(true),
        }),
      );
    }
  }
  r.setChain('nat', chain.postrouting, masquerade);
  r.setChain('filter', chain.forward, [
    ...n.clusterCidrs.flatMap((cidr) => [
      text({ source: cidr, comment: 'kubelab: from pods', target: target.accept() }),
      text({ destination: cidr, comment: 'kubelab: to pods', target: target.accept() }),
    ]),
  ]);
  for (const h of networkHooks()) r.setHook(h);
}

/** At the end of POSTROUTING (after kube-proxy's own masquerading) and at the end of FORWARD: policies come first. */
export function networkHooks(): Hook[] {
  return [
    {
      table: 'nat',
      chain: 'POSTROUTING',
      rule: text({ comment: 'kubelab pod network', target: target.jump(chain.postrouting) }),
      position: 'last',
    },
    {
      table: 'filter',
      chain: 'FORWARD',
      rule: text({ comment: 'kubelab pod network', target: target.jump(chain.forward) }),
      position: 'last',
    },
  ];
}

/** Kubelet's mark for other components: which back end this node's Kubernetes rules are in (iptables-wrappers). */
export const kubeletChains: [table: string, chain: string][] = [
  ['mangle', 'KUBE-IPTABLES-HINT'],
  ['mangle', 'KUBE-KUBELET-CANARY'],
  ['nat', 'KUBE-KUBELET-CANARY'],
  ['filter', 'KUBE-KUBELET-CANARY'],
];
