import { Iptables, run } from './command.js';
import { IptablesError } from './errors.js';
import type { Backend, Family } from './types.js';

const countRules = (save: string) => (save.match(/^-A /gm) ?? []).length;

/**
 * Chooses the back end that the machine's other users are on, as the Kubernetes iptables wrapper does: a kubelet's
 * hint chain decides, then the back end with more rules, then what the `iptables` command itself is.
 */
export async function detectBackend(o: { family?: Family; prefix?: string[] } = {}): Promise<Backend> {
  const family = o.family ?? 'ipv4';
  const prefix = o.prefix ?? [];
  const counts: Record<Backend, number> = { nft: 0, legacy: 0 };
  for (const backend of ['nft', 'legacy'] as const) {
    const tool = new Iptables({ family, backend, prefix });
    try {
      // Without -t: naming a table would make the legacy kernel modules create it.
      const save = await tool.save();
      if (/^:KUBE-(IPTABLES-HINT|KUBELET-CANARY) /m.test(save)) return backend;
      counts[backend] = countRules(save);
    } catch (e) {
      // Not installed, or the kernel lacks it: the other one it is.
      if (!(e instanceof IptablesError)) throw e;
      counts[backend] = -1;
    }
  }
  if (counts.nft !== counts.legacy) return counts.nft > counts.legacy ? 'nft' : 'legacy';
  const { stdout } = await run([...prefix, family === 'ipv6' ? 'ip6tables' : 'iptables', '-V']);
  return stdout.includes('legacy') ? 'legacy' : 'nft';
}
