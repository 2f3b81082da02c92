import { not, type RuleSpec } from '@kubelab/node-iptables';
import type { RuleOptions } from './options.js';

/** Matches traffic of this node's pods, or all but it; undefined if nothing tells them apart (kube-proxy's local detector). */
export function podTraffic(o: RuleOptions, isPod: boolean): Pick<RuleSpec, 'source' | 'inInterface'> | undefined {
  const value = (v: string) => (isPod ? v : not(v));
  if (o.localInterface !== undefined) return { inInterface: value(o.localInterface) };
  if (o.clusterCidr !== undefined) return { source: value(o.clusterCidr) };
  return undefined;
}
