import { CniError, cniErrorCode } from './errors.js';
import type { CniDns, CniInterface, CniIp, CniResult, CniRoute } from './types.js';

/** Versions of the specification this library speaks to plugins. */
export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0'] as const;
export type CniVersion = (typeof supportedVersions)[number];

export function isSupportedVersion(v: string): v is CniVersion {
  return (supportedVersions as readonly string[]).includes(v);
}

/** CHECK, and prevResult for DEL, exist since 0.4.0. */
export function hasCheck(version: string): boolean {
  return version === '0.4.0' || version === '1.0.0';
}

/** Plugin chains hand on prevResult since 0.3.0. */
export function hasPrevResult(version: string): boolean {
  return version !== '0.1.0' && version !== '0.2.0';
}

interface LegacyIp {
  ip: string;
  gateway?: string;
  routes?: CniRoute[];
}

/** What plugins of all versions may print; 0.1/0.2 know `ip4` and `ip6`, 0.3/0.4 a `version` in each address. */
interface AnyResult {
  cniVersion?: string;
  interfaces?: CniInterface[];
  ips?: (CniIp & { version?: string })[];
  routes?: CniRoute[];
  dns?: CniDns;
  ip4?: LegacyIp;
  ip6?: LegacyIp;
}

/**
 * Reads a result of any supported version into the 1.0 shape. A result without a version is taken to be of
 * `defaultVersion` (that of the configuration). Throws CniError 1 for versions not known and 6 for no object.
 */
export function parseResult(raw: unknown, defaultVersion: string): CniResult {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new CniError(cniErrorCode.failedToDecode, 'the result is not a JSON object');
  }
  const r = raw as AnyResult;
  const version = r.cniVersion ?? defaultVersion;
  if (!isSupportedVersion(version)) {
    throw new CniError(cniErrorCode.incompatibleVersion, `result of cniVersion "${version}" is not supported`);
  }
  const legacy = [r.ip4, r.ip6].filter((x) => x !== undefined);
  const ips: CniIp[] = [
    ...legacy.map((l) => ({ address: l.ip, ...(l.gateway ? { gateway: l.gateway } : {}) })),
    ...(r.ips ?? []).map(({ version: _family, ...ip }) => ip),
  ];
  const routes = [...legacy.flatMap((l) => l.routes ?? []), ...(r.routes ?? [])];
  return { cniVersion: '1.0.0', interfaces: r.interfaces ?? [], ips, routes, dns: r.dns ?? {} };
}

/**
 * Writes a result in the shape of an older version, as prevResult must be of the configuration's version.
 * 0.1 and 0.2 hold one address a family and no interfaces: what they can't say is lost.
 */
export function formatResult(result: CniResult, version: string): Record<string, unknown> {
  const isV6 = (address: string) => address.includes(':');
  if (hasPrevResult(version)) {
    const family = (ip: CniIp) => (version === '1.0.0' ? {} : { version: isV6(ip.address) ? '6' : '4' });
    return {
      cniVersion: version,
      interfaces: result.interfaces,
      ips: result.ips.map((ip) => ({ ...family(ip), ...ip })),
      routes: result.routes,
      dns: result.dns,
    };
  }
  const one = (v6: boolean): LegacyIp | undefined => {
    const ip = result.ips.find((i) => isV6(i.address) === v6);
    if (!ip) return undefined;
    const routes = result.routes.filter((r) => isV6(r.dst) === v6);
    return { ip: ip.address, ...(ip.gateway ? { gateway: ip.gateway } : {}), ...(routes.length ? { routes } : {}) };
  };
  const ip4 = one(false);
  const ip6 = one(true);
  return { cniVersion: version, ...(ip4 ? { ip4 } : {}), ...(ip6 ? { ip6 } : {}), dns: result.dns };
}
