import { posix } from 'node:path';

/**
 * The parent cgroup as Docker wants it. CRI has the path in the tree with either driver; Docker with systemd's takes
 * the name of the slice alone, from which its place in the tree follows.
 */
export function dockerCgroupParent(path: string, driver: string): string {
  return driver === 'systemd' ? posix.basename(path) : path;
}
