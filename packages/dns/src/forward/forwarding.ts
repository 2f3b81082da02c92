import type { Logger } from '@kubelab/component-base';
import { HostsTable } from '../zone/hosts.js';
import { Forwarder, type ForwarderOptions } from './forwarder.js';

export interface ForwardingSettings {
  upstreams: string[];
  stubDomains: Record<string, string[]>;
  /** hosts(5) text whose names are answered first. */
  hosts: string;
}

/** How often it is looked whether a loop is gone. */
const recheckMs = 60_000;

/** All that answers names outside of the cluster, made of one set of settings; replaced as a whole when they change. */
export class Forwarding {
  readonly forwarder: Forwarder;
  readonly hosts: HostsTable | undefined;
  private isClosed = false;
  private timer: NodeJS.Timeout | undefined;

  /** `ttl` of the hosts entries in seconds. Throws for a server that is no address. */
  constructor(
    readonly settings: ForwardingSettings,
    options: Omit<ForwarderOptions, 'upstreams' | 'stubDomains'>,
    ttl: number,
  ) {
    this.forwarder = new Forwarder({ ...options, upstreams: settings.upstreams, stubDomains: settings.stubDomains });
    this.hosts = settings.hosts.trim() === '' ? undefined : new HostsTable(settings.hosts, ttl);
  }

  /** Looks for loops now, and again until there is none: the cluster's own names are answered in any case. */
  async watchLoops(logger: Logger, onLoops: (domains: number) => void): Promise<void> {
    const domains = await this.forwarder.findLoops();
    if (this.isClosed) return;
    onLoops(domains.length);
    if (domains.length === 0) return;
    const { upstreams, stubDomains } = this.settings;
    logger.error('Upstream servers send queries back here: forwarding to them is off', {
      domains,
      upstreams,
      stubDomains,
    });
    this.timer = setTimeout(() => void this.watchLoops(logger, onLoops), recheckMs).unref();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await this.forwarder.close();
  }
}
