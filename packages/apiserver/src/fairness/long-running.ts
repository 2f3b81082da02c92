import { isTrue, type RequestInfo } from '../request-info.js';

const longSubresources = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

/** Requests that last as long as the client likes: no timeout, no place among those in flight. */
export function isLongRunning(info: RequestInfo): boolean {
  if (!info.isResourceRequest) return info.path.startsWith('/debug/pprof/');
  if (info.verb === 'watch' || info.verb === 'proxy') return true;
  if (info.subresource === 'log') return isTrue(info.query.get('follow'));
  return longSubresources.has(info.subresource);
}
