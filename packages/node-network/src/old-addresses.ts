import { contains } from './address.js';
import { type IpCommand, IpCommandError } from './ip-command.js';

/**
 * Takes the addresses of pod networks that the node had before off a device: a node that was deleted and registered
 * anew may have another pod CIDR. The bridge plugin refuses pods while its bridge has an address of the old one, and
 * another node may have the old one now. Addresses outside the cluster's pod network are not ours.
 */
export async function removeOldAddresses(
  ip: IpCommand,
  device: string,
  podCidrs: readonly string[],
  clusterCidrs: readonly string[],
): Promise<string[]> {
  const isOld = (address: string) =>
    clusterCidrs.some((c) => contains(c, address)) && !podCidrs.some((c) => contains(c, address));
  const old = (await addressesOf(ip, device)).filter(({ local }) => isOld(local));
  for (const { local, prefixlen } of old) await ip.run('ip', 'addr', 'del', `${local}/${prefixlen}`, 'dev', device);
  return old.map(({ local }) => local);
}

/** None of a device that does not exist (yet). */
async function addressesOf(ip: IpCommand, device: string): Promise<{ local: string; prefixlen: number }[]> {
  try {
    const links = await ip.json<{ addr_info?: { local: string; prefixlen: number }[] }>('addr', 'show', 'dev', device);
    return links.flatMap((l) => l.addr_info ?? []);
  } catch (e) {
    if (e instanceof IpCommandError && /does not exist|Cannot find device/.test(e.stderr)) return [];
    throw e;
  }
}
