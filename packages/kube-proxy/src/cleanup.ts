import { Iptables, IptablesError, removeChains } from '@kubelab/node-iptables';
import { chain, isProxyChain } from './iptables/names.js';
import { cleanupIpvs } from './ipvs/cleanup.js';
import { removeNftablesTables } from './nftables/programmer.js';

/**
 * Removes all chains and tables of this proxy and the jumps to them, of all modes, families and back ends, and nothing
 * else. Returns the number of chains and tables removed.
 */
export async function cleanupKubeProxy(
  o: { commandPrefix?: string[]; ipvsExcludeCidrs?: string[] } = {},
): Promise<number> {
  const ipvs = await cleanupIpvs({
    commandPrefix: o.commandPrefix ?? [],
    excludeCidrs: o.ipvsExcludeCidrs ?? [],
  });
  return ipvs + (await cleanupIptables(o.commandPrefix)) + (await removeNftablesTables(o.commandPrefix));
}

/** Removes the iptables mode's chains. A back end that the machine lacks is skipped. */
export async function cleanupIptables(prefix: string[] = []): Promise<number> {
  let removed = 0;
  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const backend of ['nft', 'legacy'] as const) {
      const iptables = new Iptables({ family, backend, prefix });
      const isOurs = (table: string, name: string) => isProxyChain(table, name) || name === chain.canary;
      try {
        // Without -t only tables in use are shown: asking for one by name would make the legacy modules load it.
        const inUse = [...(await iptables.save()).matchAll(/^\*(\S+)$/gm)].map((m) => m[1] ?? '');
        removed += await removeChains(iptables, isOurs, inUse);
      } catch (error) {
        if (!(error instanceof IptablesError) || error.isLocked) throw error;
      }
    }
  }
  return removed;
}
