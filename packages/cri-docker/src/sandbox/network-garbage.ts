import type { RuntimeContext } from '../context.js';

/**
 * Gives back addresses, host ports and files of sandboxes that are no more: removed while nobody looked, or half made
 * or half removed when this process or the machine died. What can't be given back now is tried the next time.
 */
export async function collectNetworkGarbage(context: RuntimeContext): Promise<void> {
  const { docker, cni, networks, networkFiles, logger } = context;
  // A sandbox' container is made before its network, and listed whether it runs or not.
  const existing = async () => new Set((await docker.quick.listContainers({ all: true })).map(({ Id }) => Id));
  const failed = new Set<string>();
  const report = (sandbox: string, error: unknown) => {
    failed.add(sandbox);
    logger.error('Network could not be released', { sandbox, error });
  };
  const known = [...(await networks.ids()), ...(await networkFiles.ids())];
  const deleted = new Set(await cni.collectGarbage(existing, report));
  const ids = await existing();
  for (const id of new Set([...known, ...deleted])) {
    if (ids.has(id)) continue;
    logger.warn('Sandbox is gone, releasing its network', { sandbox: id });
    try {
      // Of one that CNI's cache does not know, with the configuration in force.
      if (!deleted.has(id) && !failed.has(id)) await cni.del({ containerId: id, netns: '' });
    } catch (error) {
      report(id, error);
    }
    await networkFiles.remove(id);
    if (!failed.has(id)) await networks.remove(id);
  }
}
