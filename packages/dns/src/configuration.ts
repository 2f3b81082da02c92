import type { V1ConfigMap } from '@kubelab/api';
import type { ForwardingSettings } from './forward/forwarding.js';
import { Upstream } from './forward/upstream.js';

/** What a ConfigMap says can't be used; the settings before stay in force. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const domainPattern = /^(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/**
 * The settings of a ConfigMap over those of the command line. The keys are kube-dns's, which Kubernetes documents:
 * `stubDomains` (a JSON object, domain to list of servers) and `upstreamNameservers` (a JSON array); and `hosts`, the
 * text of a hosts(5) file. Stub domains and hosts are added to the command line's, upstream servers replace them.
 * Throws a ConfigurationError that names the key.
 */
export function withConfigMap(base: ForwardingSettings, map: V1ConfigMap | undefined): ForwardingSettings {
  const data = map?.data ?? {};
  const stubDomains = parse(data, 'stubDomains', isStubDomains) ?? {};
  const upstreams = parse(data, 'upstreamNameservers', isServers);
  for (const domain of Object.keys(stubDomains)) {
    if (!domainPattern.test(domain))
      throw new ConfigurationError(`stubDomains: ${JSON.stringify(domain)} is no domain`);
  }
  for (const [key, servers] of [['upstreamNameservers', upstreams ?? []], ...Object.entries(stubDomains)] as const) {
    for (const server of servers) checkServer(key, server);
  }
  return {
    upstreams: upstreams && upstreams.length > 0 ? upstreams : base.upstreams,
    stubDomains: lowerKeys({ ...base.stubDomains, ...lowerKeys(stubDomains) }),
    hosts: [base.hosts, data.hosts ?? ''].filter((text) => text !== '').join('\n'),
  };
}

/** One spelling of a domain, so that the later of two wins. */
function lowerKeys(o: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(o).map(([domain, s]) => [domain.toLowerCase().replace(/\.$/, ''), s]));
}

function parse<T>(data: Record<string, string>, key: string, isValid: (x: unknown) => x is T): T | undefined {
  const text = data[key]?.trim();
  if (!text) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConfigurationError(`${key} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isValid(value)) throw new ConfigurationError(`${key} does not have the form of kube-dns's configuration`);
  return value;
}

function isServers(x: unknown): x is string[] {
  return Array.isArray(x) && x.every((s) => typeof s === 'string');
}

function isStubDomains(x: unknown): x is Record<string, string[]> {
  return typeof x === 'object' && x !== null && !Array.isArray(x) && Object.values(x).every(isServers);
}

function checkServer(key: string, server: string): void {
  try {
    new Upstream(server);
  } catch (cause) {
    throw new ConfigurationError(`${key}: ${(cause as Error).message}`, { cause });
  }
}
