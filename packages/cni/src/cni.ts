import { type CachedAttachment, ResultCache } from './cache.js';
import { loadConfigDir } from './conflist.js';
import { CniError, cniErrorCode, NoNetworkConfigError } from './errors.js';
import { hostLocalReservations, type Reservation } from './host-local.js';
import { type CniCommand, findPlugin, invoke } from './invoke.js';
import { KeyedLock } from './keyed-lock.js';
import type { CniAttachment, CniOptions, CniResult, NetworkConfigList, PluginConfig } from './types.js';
import { formatResult, hasCheck, hasPrevResult, parseResult } from './version.js';

/** `lo` is brought up by its plugin like any other interface, as containerd and dockershim do. */
const loopback: NetworkConfigList = {
  cniVersion: '0.4.0',
  name: 'cni-loopback',
  disableCheck: false,
  plugins: [{ type: 'loopback' }],
  source: '',
};

/** The execution configuration of one plugin (specification 1.0, section 4, "Deriving execution configuration"). */
export function executionConfig(
  list: Pick<NetworkConfigList, 'cniVersion' | 'name'>,
  plugin: PluginConfig,
  capabilities: Record<string, unknown>,
  prevResult: unknown,
): Record<string, unknown> {
  const { capabilities: declared = {}, ...rest } = plugin;
  const wanted = Object.entries(capabilities).filter(([name, v]) => declared[name] === true && v !== undefined);
  return {
    ...rest,
    cniVersion: list.cniVersion,
    name: list.name,
    ...(wanted.length > 0 ? { runtimeConfig: Object.fromEntries(wanted) } : {}),
    ...(prevResult !== undefined && hasPrevResult(list.cniVersion) ? { prevResult } : {}),
  };
}

/**
 * Attaches containers to the node's network by executing CNI plugins. Operations of one container are serialised,
 * those of different containers run side by side. State is only what ADD leaves in the cache directory, so that a
 * restarted runtime can still CHECK and DEL.
 */
export class Cni {
  private readonly cache: ResultCache;
  private readonly locks = new KeyedLock();
  private readonly timeoutMs: number;

  constructor(private readonly options: CniOptions) {
    this.cache = new ResultCache(options.cacheDir);
    this.timeoutMs = options.timeoutMs ?? 120_000;
  }

  /** The network in force, read anew each time. Throws NoNetworkConfigError if there is none: not ready. */
  async loadConfig(): Promise<NetworkConfigList> {
    return loadConfigDir(this.options.confDir);
  }

  /** Network status for the kubelet: loads the configuration and finds every plugin of it. Throws if not ready. */
  async status(): Promise<NetworkConfigList> {
    const list = await this.loadConfig();
    for (const p of list.plugins) await findPlugin(p.type, this.options.binDirs);
    return list;
  }

  /**
   * ADD: loopback, then the chain. If a plugin fails, what was done is undone by DEL (as the specification asks of
   * runtimes) before the error is thrown.
   */
  async add(attachment: CniAttachment): Promise<CniResult> {
    const a = normalize(attachment);
    if (a.netns === '') throw new CniError(cniErrorCode.invalidEnvironment, 'ADD needs a network namespace');
    return this.locks.run(a.containerId, async () => {
      const list = await this.loadConfig();
      await this.addList(loopback, { ...a, ifName: 'lo', capabilities: {} });
      return this.addList(list, a);
    });
  }

  /** DEL in reverse order with the cached result. Idempotent: succeeds for containers that were never added. */
  async del(attachment: CniAttachment): Promise<void> {
    const a = normalize(attachment);
    await this.locks.run(a.containerId, async () => {
      let list: NetworkConfigList | undefined;
      try {
        list = await this.loadConfig();
      } catch (e) {
        // Without a configuration only what the cache knows can be deleted; a container unknown to both is gone.
        if (!(e instanceof NoNetworkConfigError)) throw e;
      }
      const cached = await this.findCached(a, list);
      const network = cached?.config ?? list;
      if (network) await this.delList(network, a, cached);
      // Nothing outside the namespace belongs to lo, which goes away with it: only the cache entry is left.
      await this.cache.remove(loopback.name, a.containerId, 'lo');
    });
  }

  /** CHECK in order with the cached result. Throws the plugin's CniError if the attachment is not as it was made. */
  async check(attachment: CniAttachment): Promise<void> {
    const a = normalize(attachment);
    await this.locks.run(a.containerId, async () => {
      const current = await this.loadConfig();
      const cached = await this.findCached(a, current);
      const list = cached?.config ?? current;
      if (!hasCheck(list.cniVersion)) {
        throw new CniError(
          cniErrorCode.incompatibleVersion,
          `configuration version "${list.cniVersion}" does not support CHECK command`,
        );
      }
      if (list.disableCheck) return;
      if (cached?.result === undefined) {
        throw new CniError(cniErrorCode.unknownContainer, `no cached result for container ${a.containerId}`);
      }
      for (const p of list.plugins) await this.exec('CHECK', list, p, a, cached.result);
    });
  }

  /**
   * Gives back what containers left that are no more: a runtime that was killed while it added or deleted one, and whose
   * container went away before it came back. `existing` is asked after the leftovers were looked for, so that a
   * container that is being added meanwhile is among its ids, if it is created before its ADD. Returns the ids that
   * were deleted; `onError` is told of those that could not be, which are tried again the next time.
   */
  async collectGarbage(
    existing: () => Promise<ReadonlySet<string>>,
    onError: (containerId: string, error: unknown) => void,
  ): Promise<string[]> {
    await this.cache.removeAbandoned();
    const attachments = await this.cache.list();
    const lists = [...attachments.map((a) => a.config), ...(await this.currentConfig())];
    const known = new Map<string, Reservation>();
    for (const { containerId, ifName } of [...attachments, ...(await hostLocalReservations(lists))]) {
      // `lo` goes away with its namespace; its entry is removed by the DEL of the others.
      if (ifName !== 'lo') known.set(`${containerId} ${ifName}`, { containerId, ifName });
      else if (!known.has(`${containerId} eth0`)) known.set(`${containerId} eth0`, { containerId, ifName: 'eth0' });
    }
    const ids = await existing();
    const deleted: string[] = [];
    for (const { containerId, ifName } of known.values()) {
      if (ids.has(containerId)) continue;
      try {
        await this.del({ containerId, ifName, netns: '' });
        deleted.push(containerId);
      } catch (error) {
        onError(containerId, error);
      }
    }
    return deleted;
  }

  private async currentConfig(): Promise<NetworkConfigList[]> {
    try {
      return [await this.loadConfig()];
    } catch (e) {
      if (e instanceof NoNetworkConfigError) return [];
      throw e;
    }
  }

  /** The cached result of ADD in the 1.0 shape, or undefined. */
  async cachedResult(containerId: string, ifName = 'eth0'): Promise<CniResult | undefined> {
    const list = await this.loadConfig();
    const cached = await this.cache.read(list.name, containerId, ifName);
    return cached?.result === undefined ? undefined : parseResult(cached.result, cached.config.cniVersion);
  }

  /** Specification versions a plugin says it supports (VERSION). */
  async pluginVersions(plugin: string): Promise<string[]> {
    const reply = await invoke({
      command: 'VERSION',
      plugin,
      network: '',
      config: { cniVersion: '1.0.0' },
      binDirs: this.options.binDirs,
      timeoutMs: this.timeoutMs,
    });
    const versions = (reply as { supportedVersions?: unknown } | undefined)?.supportedVersions;
    return Array.isArray(versions) ? versions.map(String) : [];
  }

  private async addList(list: NetworkConfigList, a: Required<CniAttachment>): Promise<CniResult> {
    const entry: CachedAttachment = {
      kind: 'cniCacheV1',
      containerId: a.containerId,
      networkName: list.name,
      ifName: a.ifName,
      config: list,
      cniArgs: a.args,
      capabilityArgs: a.capabilities,
      netns: a.netns,
    };
    // Written first: if we die half way, DEL after the restart still knows which plugins ran.
    await this.cache.write(entry);
    let result: unknown;
    try {
      for (const p of list.plugins) {
        const printed = await this.exec('ADD', list, p, a, result);
        if (printed !== undefined) result = formatResult(parseResult(printed, list.cniVersion), list.cniVersion);
      }
      const parsed = parseResult(result ?? {}, list.cniVersion);
      await this.cache.write({ ...entry, result: result ?? {} });
      return parsed;
    } catch (failure) {
      await this.delList(list, a, undefined).catch((cleanup: unknown) => {
        if (failure instanceof Error) failure.message += `; cleaning up also failed: ${String(cleanup)}`;
      });
      throw failure;
    }
  }

  private async delList(list: NetworkConfigList, a: Required<CniAttachment>, cached?: CachedAttachment): Promise<void> {
    const known = {
      ...a,
      args: { ...cached?.cniArgs, ...a.args },
      capabilities: { ...cached?.capabilityArgs, ...a.capabilities },
    };
    const prevResult = hasCheck(list.cniVersion) ? cached?.result : undefined;
    for (const p of [...list.plugins].reverse()) await this.exec('DEL', list, p, known, prevResult);
    await this.cache.remove(list.name, a.containerId, a.ifName);
  }

  private async findCached(
    a: Required<CniAttachment>,
    list?: NetworkConfigList,
  ): Promise<CachedAttachment | undefined> {
    const named = list && (await this.cache.read(list.name, a.containerId, a.ifName));
    return named ?? (await this.cache.find(a.containerId, a.ifName, loopback.name));
  }

  private async exec(
    command: CniCommand,
    list: NetworkConfigList,
    plugin: PluginConfig,
    a: Required<CniAttachment>,
    prevResult: unknown,
  ): Promise<unknown> {
    return invoke({
      command,
      plugin: plugin.type,
      network: list.name,
      containerId: a.containerId,
      netns: a.netns,
      ifName: a.ifName,
      args: a.args,
      config: executionConfig(list, plugin, a.capabilities, prevResult),
      binDirs: this.options.binDirs,
      timeoutMs: this.timeoutMs,
    });
  }
}

function normalize(a: CniAttachment): Required<CniAttachment> {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(a.containerId)) {
    throw new CniError(cniErrorCode.invalidEnvironment, `invalid container id ${JSON.stringify(a.containerId)}`);
  }
  const ifName = a.ifName ?? 'eth0';
  if (ifName.length > 15 || ifName === '.' || ifName === '..' || !/^[^\s/:]+$/.test(ifName)) {
    throw new CniError(cniErrorCode.invalidEnvironment, `invalid interface name ${JSON.stringify(ifName)}`);
  }
  return { containerId: a.containerId, netns: a.netns, ifName, args: a.args ?? {}, capabilities: a.capabilities ?? {} };
}
