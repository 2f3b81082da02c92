/**
 * Files of cgroup v2 that every container gets beside its limits: it ends as a whole when it runs out of memory, unless
 * the node's administrator wants it otherwise, and does not swap.
 */
export function unifiedSettings(version: 1 | 2 | undefined, singleProcessOomKill: boolean): Record<string, string> {
  if (version !== 2) return {};
  return { ...(singleProcessOomKill ? {} : { 'memory.oom.group': '1' }), 'memory.swap.max': '0' };
}
