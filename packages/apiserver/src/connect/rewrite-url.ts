/**
 * A URL in an answer of a backend, as seen through the proxy: what leads back to the backend, by its own address or the
 * one the client used, gets the proxy's path before its own. Others, and relative ones, stay as they are.
 */
export function rewriteUrl(url: string, target: URL, requestHost: string, prefix: string): string {
  const parts = /^(?:(?:https?:)?\/\/([^/?#]*))?(\/.*)?$/is.exec(url.trim());
  if (!parts) return url;
  const [, host, path = host === undefined ? undefined : '/'] = parts;
  if (path === undefined || (host !== undefined && host !== target.host && host !== requestHost)) return url;
  const base = prefix.replace(/\/$/, '');
  return path === base || path.startsWith(`${base}/`) ? path : `${base}${path}`;
}
