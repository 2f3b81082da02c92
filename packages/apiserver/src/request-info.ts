/**
 * What a request's method and URL say about it (RequestInfo of k8s.io/apiserver): authorization, admission, audit,
 * fairness and dispatch all read this and not the URL.
 */
export interface RequestInfo {
  isResourceRequest: boolean;
  path: string;
  /** get, list, watch, create, update, patch, delete, deletecollection, or the lower-case method of other paths. */
  verb: string;
  /** `api` or `apis`; empty for other paths. */
  apiPrefix: string;
  apiGroup: string;
  apiVersion: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  /** The path's segments from the resource on: resource, name, subresource and what follows. */
  parts: string[];
  query: URLSearchParams;
}

/** Most requests have none, and making one is dear. Nobody changes a request's query. */
const noQuery = new URLSearchParams();

const verbOfMethod: Record<string, string> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Subresources of a namespace itself; everything else below a namespace is a resource in it. */
const namespaceSubresources = new Set(['status', 'finalize']);

/** A watch of one object by its name: `fieldSelector=metadata.name=NAME` makes the name known to authorization. */
const nameSelector = /(?:^|,)metadata\.name==?([^,=!]+)(?:,|$)/;

/**
 * Parses a request target. Never throws: a path that is no resource path is a non-resource request, and percent
 * encodings that are not valid stay as they are.
 */
export function parseRequestInfo(method: string, target: string): RequestInfo {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const info: RequestInfo = {
    isResourceRequest: false,
    path,
    verb: method.toLowerCase(),
    apiPrefix: '',
    apiGroup: '',
    apiVersion: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
    query: mark < 0 ? noQuery : new URLSearchParams(target.slice(mark + 1)),
  };
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decode);
  // /api/VERSION/... and /apis/GROUP/VERSION/...; anything shorter is discovery, a non-resource request.
  if (segments[0] !== 'api' && segments[0] !== 'apis') {
    return info;
  }
  const fixed = segments[0] === 'api' ? 2 : 3;
  if (segments.length <= fixed) {
    return info;
  }
  info.apiPrefix = segments[0];
  info.apiGroup = segments[0] === 'api' ? '' : (segments[1] ?? '');
  info.apiVersion = segments[fixed - 1] ?? '';
  info.isResourceRequest = true;
  info.verb = verbOfMethod[method] ?? '';
  let rest = segments.slice(fixed);
  if (rest[0] === 'watch' && rest.length > 1) {
    // The old watch prefix, still allowed: /api/v1/watch/namespaces/x/pods.
    info.verb = 'watch';
    rest = rest.slice(1);
  }
  if (rest[0] === 'namespaces' && rest.length > 1) {
    info.namespace = rest[1] ?? '';
    if (rest.length > 2 && !namespaceSubresources.has(rest[2] ?? '')) {
      rest = rest.slice(2);
    }
  }
  info.parts = rest;
  info.resource = rest[0] ?? '';
  info.name = rest[1] ?? '';
  info.subresource = rest[2] ?? '';
  refineVerb(info);
  return info;
}

/** A get or delete of a collection is a list, watch or deletecollection. */
function refineVerb(info: RequestInfo): void {
  const { query } = info;
  if (query === noQuery) {
    if (info.name === '' && info.verb === 'get') {
      info.verb = 'list';
    }
  } else if (info.name === '' && info.verb === 'get') {
    const selected = nameSelector.exec(query.get('fieldSelector') ?? '')?.[1];
    info.name = selected ?? '';
    info.verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  } else if (info.name !== '' && info.verb === 'get' && isTrue(query.get('watch')) && info.subresource === '') {
    info.verb = 'watch';
  }
  if (info.name === '' && info.verb === 'delete') {
    info.verb = 'deletecollection';
  }
}

/** A boolean query parameter as Kubernetes reads it: present and neither `0` nor `false`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

function decode(segment: string): string {
  try {
    return segment.includes('%') ? decodeURIComponent(segment) : segment;
  } catch {
    return segment;
  }
}
