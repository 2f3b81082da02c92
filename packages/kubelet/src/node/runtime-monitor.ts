import type { V1ContainerImage } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import type { CriClient } from '@kubelab/cri';
import { sleep } from '../lifecycle/hooks.js';

export interface RuntimeFacts {
  /** `docker`, `containerd`: the scheme of container ids. */
  name: string;
  version: string;
  cgroupDriver: 'cgroupfs' | 'systemd' | undefined;
}

const checkMs = 5_000;
/** While something is wrong it is looked at more often: pods wait for it. */
const urgentCheckMs = 250;
const connectMs = 500;
/** A runtime that has answered within this time is not down: one slow answer does not make the node NotReady. */
const silenceMs = 30_000;

/** Watches over the runtime's conditions, and knows its name and images. */
export class RuntimeMonitor {
  private runtimeProblem: string | undefined = 'container runtime status check may not have completed yet';
  private lastAnswer = 0;
  private failing = false;
  private network: string | undefined = 'container runtime network not ready';
  facts: RuntimeFacts = { name: 'unknown', version: '', cgroupDriver: undefined };
  handlers: { name: string; features?: { recursiveReadOnlyMounts?: boolean; userNamespaces?: boolean } }[] = [];

  constructor(
    private readonly cri: CriClient,
    private readonly logger: Logger,
    private readonly onChange: () => void,
  ) {}

  /** Why the node is not ready because of the runtime. */
  problems(): string[] {
    return [this.runtimeProblem, this.network].filter((text) => text !== undefined);
  }

  /** Whether a runtime handler, '' for the default one, has recursive read-only mounts. */
  recursiveReadOnly(handler: string): boolean {
    return this.handlers.find(({ name }) => name === handler)?.features?.recursiveReadOnlyMounts ?? false;
  }

  networkProblem(): string | undefined {
    return this.network;
  }

  /** Waits for the runtime to answer, then learns its name. */
  async connect(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        const version = await this.cri.version({ version: '0.1.0' }, { signal });
        this.facts = { name: version.runtime_name, version: version.runtime_version, cgroupDriver: undefined };
        break;
      } catch (error) {
        this.logger.info('Waiting for the container runtime', { error });
        await sleep(connectMs, signal);
      }
    }
    try {
      const { linux } = await this.cri.runtimeConfig({});
      this.facts.cgroupDriver = linux?.cgroup_driver === 'SYSTEMD' ? 'systemd' : 'cgroupfs';
    } catch (error) {
      // Runtimes before CRI 1.28 do not have the call; the flag or cgroupfs is used.
      this.logger.debug('The runtime does not tell its cgroup driver', { error });
    }
    await this.check();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.problems().length > 0 || this.failing ? urgentCheckMs : checkMs, signal);
      if (!signal.aborted) await this.check();
    }
  }

  async check(): Promise<void> {
    const before = this.problems().join();
    try {
      const answer = await this.cri.status({}, { timeoutMs: 10_000 });
      this.lastAnswer = Date.now();
      this.failing = false;
      const condition = (type: string) => answer.status?.conditions.find((item) => item.type === type);
      const runtime = condition('RuntimeReady');
      const network = condition('NetworkReady');
      this.runtimeProblem = runtime?.status
        ? undefined
        : `container runtime not ready: ${describe('RuntimeReady', runtime)}`;
      this.network = network?.status
        ? undefined
        : `container runtime network not ready: ${describe('NetworkReady', network)}`;
      this.handlers = answer.runtime_handlers.map((handler) => ({
        name: handler.name,
        features: {
          recursiveReadOnlyMounts: handler.features?.recursive_read_only_mounts,
          userNamespaces: handler.features?.user_namespaces,
        },
      }));
    } catch (error) {
      this.failing = true;
      if (Date.now() - this.lastAnswer > silenceMs) {
        this.runtimeProblem = `container runtime is down: ${(error as Error).message}`;
      }
    }
    if (this.problems().join() !== before) this.onChange();
  }

  /** The node's images, largest first, as the node status lists them. */
  async images(): Promise<V1ContainerImage[]> {
    const { images } = await this.cri.listImages({});
    return images
      .map((image) => ({ names: [...image.repo_digests, ...image.repo_tags], sizeBytes: Number(image.size) }))
      .filter((image) => image.names.length > 0)
      .sort((a, b) => b.sizeBytes - a.sizeBytes);
  }
}

function describe(type: string, condition: { reason: string; message: string } | undefined): string {
  return `${type}=false reason:${condition?.reason ?? ''} message:${condition?.message ?? ''}`;
}
