import { mkdir } from 'node:fs/promises';
import type { RunningComponent } from '@kubelab/component-base';
import { setUpCgroups } from './cgroup/set-up.js';
import { sleep } from './lifecycle/hooks.js';
import { LogRotation } from './logs/rotation.js';
import { type KubeletDependencies, Parts } from './parts.js';
import { Pleg } from './pleg/pleg.js';
import { runningContainers } from './runtime/types.js';
import { nodeServer } from './server/kubelet-server.js';
import type { KubeletServer } from './server/server.js';
import { followLogind } from './shutdown/logind.js';
import { PodSources } from './sources/pod-sources.js';
import { workerContext } from './worker/worker-context.js';

const housekeepingMs = 60_000;
/** With an event stream lists are a net only; without, they are all there is. */
const relistMs = { withEvents: 60_000, without: 1_000 };

/** Starts the kubelet of this node; returns once it serves. Pods go on running when it is stopped. */
export async function startKubelet(dependencies: KubeletDependencies): Promise<RunningComponent> {
  const kubelet = new Kubelet(dependencies);
  await kubelet.start();
  return kubelet;
}

/** Starts the agent's parts in order, runs their loops, stops them. */
class Kubelet implements RunningComponent {
  private readonly stopping = new AbortController();
  private readonly signal: AbortSignal;
  private readonly parts: Parts;
  private readonly pleg: Pleg;
  private readonly sources: PodSources;
  private server: KubeletServer | undefined;
  private readonly loops: Promise<unknown>[] = [];
  private readonly startedAt = Date.now();

  constructor(private readonly dependencies: KubeletDependencies) {
    this.signal = AbortSignal.any([dependencies.signal, this.stopping.signal]);
    this.parts = new Parts(dependencies, this.signal);
    const { cri, reader, logger, pods, metrics } = this.parts;
    this.pleg = new Pleg({
      cri,
      reader,
      logger,
      relistMs: relistMs.withEvents,
      fallbackRelistMs: relistMs.without,
      onPod: (uid) => pods.kick(uid),
      onRelist: (overview, ms) => {
        metrics.relist.observe(ms / 1000);
        metrics.runningPods.set([...overview.pods.values()].filter((pod) => pod.running).length);
        metrics.desiredPods.set(pods.pods().length);
      },
    });
    this.sources = new PodSources(this.parts);
  }

  async start(): Promise<void> {
    const { parts, signal } = this;
    const { config, logger, monitor } = parts;
    const { health, metrics } = this.dependencies;
    await mkdir(config.rootDir, { recursive: true, mode: 0o750 });
    await mkdir(config.podLogsDir, { recursive: true, mode: 0o755 });
    await monitor.connect(signal);
    await parts.devices.start();
    await parts.nodeAgent.measure();
    await setUpCgroups(parts);
    parts.workers = await workerContext(parts);
    health.addCheck('pleg', () => this.pleg.check(), ['healthz', 'livez']);
    this.server = await nodeServer({ ...parts, health, metrics });
    await this.server.listen();
    parts.metrics.nodeName.set({ node: config.nodeName }, 1);
    parts.events.node('Normal', 'Starting', 'Starting kubelet.');
    this.startLoops();
    logger.info('Kubelet runs', { node: config.nodeName, runtime: monitor.facts.name });
  }

  async stop(): Promise<void> {
    const { parts } = this;
    this.stopping.abort();
    this.sources.stop();
    parts.probes.close();
    await parts.pods.close();
    parts.objects.close();
    await this.server?.close();
    await parts.devices.stop();
    await parts.recorder.stop();
    parts.cri.close();
    await Promise.allSettled(this.loops);
  }

  private run(name: string, work: Promise<unknown>): void {
    this.loops.push(
      work.catch((error) => {
        if (!this.signal.aborted) this.parts.logger.error('A loop of the agent has ended', { loop: name, error });
      }),
    );
  }

  private startLoops(): void {
    const { parts, signal } = this;
    const { config, cri, logger, pods, shutdown } = parts;
    this.run('node', parts.nodeAgent.run(signal));
    this.run('runtime-monitor', parts.monitor.run(signal));
    this.run('pods', this.followPods());
    this.run('eviction', parts.eviction.run(signal));
    const rotation = new LogRotation({
      cri,
      logger,
      maxBytes: config.logMaxBytes,
      maxFiles: config.options.number('container-log-max-files'),
      running: () => pods.allWorkers().flatMap((worker) => (worker.state ? runningContainers(worker.state) : [])),
    });
    this.run('log-rotation', rotation.run(signal));
    if (config.options.durationMs('shutdown-grace-period') > 0) {
      const follow = { logger, onShutdown: () => shutdown.run(), onCancel: () => shutdown.cancel() };
      this.run('shutdown', followLogind(follow, signal));
    }
  }

  /** Pods come in: static ones at once, those of the API server when it has answered; then what is left over goes. */
  private async followPods(): Promise<void> {
    const { parts, signal } = this;
    const { logger, pods } = parts;
    const { url } = await this.sources.start(signal);
    this.run('manifest-url', url);
    this.run('pleg', this.pleg.run(signal));
    this.sources.followNode();
    parts.informers.start(signal);
    await parts.nodeAgent.known(signal);
    const apiPods = this.sources.apiPods();
    await apiPods.waitForSync(signal);
    logger.info('Pods of this node are known', { pods: pods.pods().length, afterMs: Date.now() - this.startedAt });
    while (!signal.aborted) {
      try {
        await this.housekeeping();
      } catch (error) {
        if (!signal.aborted) logger.warn('Housekeeping failed', { error });
      }
      await sleep(housekeepingMs, signal);
    }
  }

  /** Removes what belongs to no pod any more. Only once all sources have told their pods. */
  private async housekeeping(): Promise<void> {
    const { pods, reader, volumes, cgroups, containerGc, imageGc, devices, workers } = this.parts;
    pods.removeOrphans(await reader.overview());
    const isKnown = (uid: string) => pods.isKnown(uid);
    await volumes.collect(isKnown);
    await cgroups?.enforceAllocatable();
    await cgroups?.collect(isKnown);
    await cgroups?.updateQos();
    await containerGc.collect();
    await imageGc.collect();
    devices.collect(isKnown);
    workers?.crashBackoff.collect();
  }
}
