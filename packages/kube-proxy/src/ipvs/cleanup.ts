import { Iptables, IptablesError, Restorer, removeChains, run } from '@kubelab/node-iptables';
import { cidrContains } from '../model/address.js';
import { addressOf, parseVirtuals } from './ipvsadm.js';
import { dummyDevice, isIpvsChain, isIpvsOnlyChain, kernelSetName, setNames } from './names.js';
import { hooks } from './rules.js';

export interface CleanupIpvsOptions {
  commandPrefix?: string[];
  /** CIDRs whose virtual servers stay. */
  excludeCidrs?: string[];
  /** Another mode has taken over: the chains whose names it uses too are its own now. */
  keepShared?: boolean;
}

/** Whether this machine has been in IPVS mode and nothing cleaned up since. */
export async function hasIpvsLeftovers(prefix: string[] = []): Promise<boolean> {
  const { code } = await run([...prefix, 'ip', 'link', 'show', dummyDevice]);
  return code === 0;
}

/**
 * Removes what the IPVS mode made: virtual servers, kube-ipvs0, chains and sets, of both families and back ends. The
 * device is the sign that there is any of it: without it nothing is touched, so that virtual servers of others on a
 * machine that never was in this mode stay. Returns the number of things removed.
 */
export async function cleanupIpvs(o: CleanupIpvsOptions = {}): Promise<number> {
  const prefix = o.commandPrefix ?? [];
  if (!(await hasIpvsLeftovers(prefix))) return 0;
  let removed = await removeRules(prefix, o.keepShared ?? false);
  removed += await removeVirtuals(prefix, o.excludeCidrs ?? []);
  removed += await removeSets(prefix);
  const { code, stderr } = await run([...prefix, 'ip', 'link', 'del', dummyDevice]);
  if (code !== 0) throw new IptablesError(`ip link del ${dummyDevice}`, code, stderr);
  return removed + 1;
}

async function removeRules(prefix: string[], keepShared: boolean): Promise<number> {
  let removed = 0;
  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const backend of ['nft', 'legacy'] as const) {
      const iptables = new Iptables({ family, backend, prefix });
      try {
        const save = await iptables.save();
        if (!/^:KUBE-IPVS-FILTER /m.test(save)) continue;
        if (keepShared) {
          // Jumps from built-in chains to chains that both modes have, with words of this mode alone.
          const restorer = new Restorer(iptables);
          for (const h of hooks()) if (/kube-proxy firewall rules/.test(h.rule)) restorer.removeHook(h);
          await restorer.apply();
        }
        removed += await removeChains(iptables, keepShared ? isIpvsOnlyChain : isIpvsChain, ['nat', 'filter']);
      } catch (error) {
        // A back end that the machine lacks.
        if (!(error instanceof IptablesError) || error.isLocked) throw error;
      }
    }
  }
  return removed;
}

async function removeVirtuals(prefix: string[], excludeCidrs: string[]): Promise<number> {
  let saved: string;
  try {
    const { code, stdout } = await run([...prefix, 'ipvsadm', '-Sn']);
    // The module was unloaded, and everything with it.
    if (code !== 0) return 0;
    saved = stdout;
  } catch (error) {
    if (error instanceof IptablesError) return 0;
    throw error;
  }
  const keys = [...parseVirtuals(saved).keys()].filter((k) => !excludeCidrs.some((c) => cidrContains(c, addressOf(k))));
  if (keys.length === 0) return 0;
  const { stderr } = await run([...prefix, 'ipvsadm', '-R'], keys.map((k) => `-D ${k}\n`).join(''));
  if (stderr !== '') throw new IptablesError('ipvsadm -R', 1, stderr);
  return keys.length;
}

async function removeSets(prefix: string[]): Promise<number> {
  const { stdout } = await run([...prefix, 'ipset', 'list', '-n']);
  const ours = new Set((['ipv4', 'ipv6'] as const).flatMap((f) => setNames.map((n) => kernelSetName(n, f))));
  const there = stdout.split('\n').filter((n) => ours.has(n));
  if (there.length === 0) return 0;
  const { code, stderr } = await run([...prefix, 'ipset', 'restore'], there.map((n) => `destroy ${n}\n`).join(''));
  if (code !== 0) throw new IptablesError('ipset restore', code, stderr);
  return there.length;
}
