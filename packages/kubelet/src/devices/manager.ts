import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container } from '@kubelab/api';
import { Quantity } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { type CriServer, DevicePluginClient, serveDeviceRegistration } from '@kubelab/cri';
import { writeSecretFile } from '@kubelab/pki';
import { sleep } from '../lifecycle/hooks.js';
import type { Pod } from '../pod/types.js';
import type { AssignedDevices } from '../runtime/runner-context.js';

const apiVersion = 'v1beta1';
const socketName = 'kubelet.sock';
const checkpointName = 'kubelet_internal_checkpoint';
/** A plugin that went away has this long to come back before its resource vanishes. */
const endpointGraceMs = 300_000;

interface Plugin {
  client: DevicePluginClient;
  options: { preStart: boolean; preferred: boolean };
  /** Health by device id. */
  devices: Map<string, boolean>;
  stoppedAt: number | undefined;
  stop: AbortController;
}

/** Device ids by pod UID, container and resource. */
type Assignments = Record<string, Record<string, Record<string, string[]>>>;

export interface DeviceManagerOptions {
  dir: string;
  logger: Logger;
  /** Capacity has changed. */
  onChange(): void;
}

/** Extended resources of device plugins (v1beta1): registration, health, allocation that outlives the agent. */
export class DeviceManager {
  private readonly plugins = new Map<string, Plugin>();
  private assignments: Assignments = {};
  private server: CriServer | undefined;

  constructor(private readonly options: DeviceManagerOptions) {}

  /** Opens the registration socket. Plugins' old sockets are removed, which tells them to register again. */
  async start(): Promise<void> {
    const { dir, logger } = this.options;
    await mkdir(dir, { recursive: true, mode: 0o750 });
    this.load();
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      if (entry.isSocket()) await rm(join(dir, entry.name), { force: true });
    }
    this.server = await serveDeviceRegistration(join(dir, socketName), async (request) => {
      if (request.version !== apiVersion) {
        throw new Error(
          `requested API version "${request.version}" is not supported by kubelet. Supported version is ["${apiVersion}"]`,
        );
      }
      if (!request.resource_name.includes('/') || request.resource_name.startsWith('kubernetes.io/')) {
        throw new Error(`the ResourceName "${request.resource_name}" is invalid`);
      }
      logger.info('Device plugin registered', { resource: request.resource_name, endpoint: request.endpoint });
      this.connect(request.resource_name, request.endpoint, {
        preStart: request.options?.pre_start_required === true,
        preferred: request.options?.get_preferred_allocation_available === true,
      });
    });
  }

  async stop(): Promise<void> {
    for (const plugin of this.plugins.values()) {
      plugin.stop.abort();
      plugin.client.close();
    }
    await this.server?.close();
  }

  /** Amounts by resource name, as the node status shows them. */
  capacity(): { capacity: Record<string, string>; allocatable: Record<string, string> } {
    const capacity: Record<string, string> = {};
    const allocatable: Record<string, string> = {};
    for (const [name, plugin] of this.plugins) {
      const gone = plugin.stoppedAt !== undefined;
      if (gone && Date.now() - (plugin.stoppedAt ?? 0) > endpointGraceMs) continue;
      capacity[name] = String(plugin.devices.size);
      allocatable[name] = String(gone ? 0 : [...plugin.devices.values()].filter(Boolean).length);
    }
    return { capacity, allocatable };
  }

  /** Devices for a container's extended resources; the same again when it restarts. */
  async allocate(pod: Pod, container: V1Container): Promise<AssignedDevices> {
    const result: AssignedDevices = { devices: [], mounts: [], envs: {}, annotations: {}, cdiDevices: [] };
    for (const [name, text] of Object.entries(container.resources?.limits ?? {})) {
      const plugin = this.plugins.get(name);
      const known = this.assignments[pod.metadata.uid]?.[container.name]?.[name];
      if (!plugin) {
        if (known) throw new Error(`device plugin of ${name} is not there`);
        continue;
      }
      const wanted = Number(Quantity.parse(text).value());
      const ids = known ?? (await this.choose(name, plugin, wanted));
      this.assign(pod.metadata.uid, container.name, name, ids);
      await this.askPlugin(plugin, ids, result);
    }
    return result;
  }

  /** Frees what pods hold that are gone. */
  collect(isKnown: (uid: string) => boolean): void {
    const gone = Object.keys(this.assignments).filter((uid) => !isKnown(uid));
    if (gone.length === 0) return;
    for (const uid of gone) delete this.assignments[uid];
    this.save();
  }

  private connect(name: string, endpoint: string, options: Plugin['options']): void {
    const before = this.plugins.get(name);
    before?.stop.abort();
    before?.client.close();
    const plugin: Plugin = {
      client: DevicePluginClient.connect(join(this.options.dir, endpoint)),
      options,
      devices: new Map(),
      stoppedAt: undefined,
      stop: new AbortController(),
    };
    this.plugins.set(name, plugin);
    this.follow(name, plugin).catch((error) => {
      this.options.logger.error('Device plugin could not be followed', { resource: name, error });
    });
  }

  private async follow(name: string, plugin: Plugin): Promise<void> {
    const { signal } = plugin.stop;
    try {
      for await (const { devices } of plugin.client.listAndWatch({}, { signal })) {
        plugin.devices = new Map(devices.map((device) => [device.ID, device.health === 'Healthy']));
        this.options.onChange();
      }
    } catch (error) {
      if (!signal.aborted) this.options.logger.info('Device plugin has gone', { resource: name, error });
    }
    if (signal.aborted) return;
    plugin.stoppedAt = Date.now();
    this.options.onChange();
    await sleep(endpointGraceMs, signal);
    this.options.onChange();
  }

  private inUse(name: string): Set<string> {
    const used = new Set<string>();
    for (const containers of Object.values(this.assignments)) {
      for (const resources of Object.values(containers)) for (const id of resources[name] ?? []) used.add(id);
    }
    return used;
  }

  private async choose(name: string, plugin: Plugin, wanted: number): Promise<string[]> {
    const used = this.inUse(name);
    const free = [...plugin.devices].filter(([id, healthy]) => healthy && !used.has(id)).map(([id]) => id);
    if (free.length < wanted) {
      throw new Error(
        `requested number of devices unavailable for ${name}. Requested: ${wanted}, Available: ${free.length}`,
      );
    }
    if (!plugin.options.preferred || free.length === wanted) return free.sort().slice(0, wanted);
    const answer = await plugin.client.getPreferredAllocation({
      container_requests: [{ available_deviceIDs: free, must_include_deviceIDs: [], allocation_size: wanted }],
    });
    const preferred = (answer.container_responses[0]?.deviceIDs ?? []).filter((id) => free.includes(id));
    const rest = free.filter((id) => !preferred.includes(id)).sort();
    return [...preferred, ...rest].slice(0, wanted);
  }

  private async askPlugin(plugin: Plugin, ids: string[], result: AssignedDevices): Promise<void> {
    const { container_responses: answers } = await plugin.client.allocate({
      container_requests: [{ devices_ids: ids }],
    });
    for (const answer of answers) {
      Object.assign(result.envs, answer.envs);
      Object.assign(result.annotations, answer.annotations);
      result.cdiDevices.push(...answer.cdi_devices.map((device) => device.name));
      for (const { container_path, host_path, permissions } of answer.devices) {
        result.devices.push({ container_path, host_path, permissions });
      }
      for (const mount of answer.mounts) {
        result.mounts.push({
          container_path: mount.container_path,
          host_path: mount.host_path,
          readonly: mount.read_only,
        });
      }
    }
    if (plugin.options.preStart) await plugin.client.preStartContainer({ devices_ids: ids });
  }

  private assign(uid: string, container: string, resource: string, ids: string[]): void {
    const ofPod = this.assignments[uid] ?? {};
    const ofContainer = ofPod[container] ?? {};
    if (ofContainer[resource]?.join() === ids.join()) return;
    this.assignments[uid] = { ...ofPod, [container]: { ...ofContainer, [resource]: ids } };
    this.save();
  }

  private load(): void {
    const path = join(this.options.dir, checkpointName);
    if (!existsSync(path)) return;
    try {
      this.assignments = JSON.parse(readFileSync(path, 'utf8')) as Assignments;
    } catch (error) {
      this.options.logger.error('Device assignments could not be read, starting without', { path, error });
    }
  }

  private save(): void {
    writeSecretFile(join(this.options.dir, checkpointName), JSON.stringify(this.assignments));
  }
}
