import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CniError, cniErrorCode, NoNetworkConfigError } from './errors.js';
import type { NetworkConfigList, PluginConfig } from './types.js';
import { isSupportedVersion, supportedVersions } from './version.js';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

function invalid(source: string, msg: string): CniError {
  return new CniError(cniErrorCode.invalidNetworkConfig, `${source}: ${msg}`);
}

function isObject(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

function parsePlugin(raw: unknown, source: string, index: number): PluginConfig {
  if (!isObject(raw)) throw invalid(source, `plugins[${index}] is not an object`);
  if (typeof raw.type !== 'string' || raw.type === '') throw invalid(source, `plugins[${index}] has no "type"`);
  if (raw.type.includes('/')) throw invalid(source, `plugins[${index}]: type "${raw.type}" is not a file name`);
  return raw as PluginConfig;
}

/**
 * Reads a network configuration from text: a list, or a single plugin's configuration (`*.conf`), which becomes a
 * list of one. Throws a CniError with code 6 or 7 and the name of the file.
 */
export function parseConfigList(text: string, source = ''): NetworkConfigList {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new CniError(cniErrorCode.failedToDecode, `${source}: not valid JSON: ${String(cause)}`, { cause });
  }
  if (!isObject(raw)) throw invalid(source, 'not a JSON object');
  const cniVersion = raw.cniVersion === undefined ? '0.2.0' : raw.cniVersion;
  if (typeof cniVersion !== 'string' || !isSupportedVersion(cniVersion)) {
    throw new CniError(
      cniErrorCode.incompatibleVersion,
      `${source}: cniVersion ${JSON.stringify(cniVersion)} is not one of ${supportedVersions.join(', ')}`,
    );
  }
  if (typeof raw.name !== 'string' || !NAME.test(raw.name)) {
    throw invalid(source, `"name" must match ${NAME.source}, got ${JSON.stringify(raw.name)}`);
  }
  const list = raw.plugins ?? (raw.type === undefined ? undefined : [raw]);
  if (!Array.isArray(list) || list.length === 0)
    throw invalid(source, '"plugins" must be a list of at least one plugin');
  return {
    cniVersion,
    name: raw.name,
    // libcni accepts the string form too, as some generators of configuration quote it.
    disableCheck: raw.disableCheck === true || raw.disableCheck === 'true',
    plugins: list.map((p, i) => parsePlugin(p, source, i)),
    source,
  };
}

/**
 * Loads the network of a node: of all `*.conflist`, `*.conf` and `*.json` files of the directory, in the order of
 * their names, the first that is valid. Throws NoNetworkConfigError naming why each file was passed over.
 */
export async function loadConfigDir(dir: string): Promise<NetworkConfigList> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    names = [];
  }
  const problems: string[] = [];
  for (const name of names.filter((n) => /\.(conflist|conf|json)$/.test(n)).sort()) {
    try {
      return parseConfigList(await readFile(join(dir, name), 'utf8'), join(dir, name));
    } catch (e) {
      problems.push((e as Error).message);
    }
  }
  if (problems.length > 0)
    throw new NoNetworkConfigError(`no valid network configuration in ${dir}: ${problems.join('; ')}`);
  throw new NoNetworkConfigError(`no networks found in ${dir}`);
}
