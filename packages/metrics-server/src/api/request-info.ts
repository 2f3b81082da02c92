import type { Attributes } from '../auth/delegated-auth.js';

export const group = 'metrics.k8s.io';
export const version = 'v1beta1';

/** A request for metrics, read from its path. */
export interface ResourceRequest {
  verb: string;
  namespace?: string;
  resource: string;
  name?: string;
  query: URLSearchParams;
}

const resourcePath = new RegExp(`^/apis/${group}/${version}/(?:namespaces/([^/]+)/)?([^/]+)(?:/([^/]+))?/?$`);

const verbs: Record<string, string> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

/** The request for a resource, or undefined for another path (discovery, metrics of this process, ...). */
export function readResourceRequest(method: string, url: string): ResourceRequest | undefined {
  const [path = '/', queryText = ''] = url.split('?', 2);
  const match = resourcePath.exec(path);
  if (!match) return undefined;
  const [, namespace, resource = '', name] = match.map((part) => (part === undefined ? undefined : decode(part)));
  const query = new URLSearchParams(queryText);
  const isWatch = ['true', '1'].includes(query.get('watch') ?? '');
  let verb = verbs[method];
  if (method === 'GET' || method === 'HEAD') verb = name ? 'get' : isWatch ? 'watch' : 'list';
  if (method === 'DELETE') verb = name ? 'delete' : 'deletecollection';
  return { verb: verb ?? method.toLowerCase(), namespace, resource, name, query };
}

/** What to ask of the authorizer. */
export function attributesOf(method: string, url: string, request: ResourceRequest | undefined): Attributes {
  if (!request) {
    const [path = '/'] = url.split('?', 1);
    return { nonResourceAttributes: { path, verb: method.toLowerCase() } };
  }
  const { verb, namespace, resource, name } = request;
  return { resourceAttributes: { group, version, verb, namespace, resource, name } };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded: no name has this text, so nothing will be found.
    return text;
  }
}
