import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Node, V1NodeCondition, V1NodeStatus, V1Pod, V1RuntimeClass, V1Service } from '@kubelab/api';
import { type Client, EventRecorder, gvr, InformerFactory } from '@kubelab/client';
import type { HealthRegistry, Logger, Registry, RunningComponent } from '@kubelab/component-base';
import { CriClient } from '@kubelab/cri';
import { detectCgroups } from './cgroup/detect.js';
import { PodCgroups } from './cgroup/pod-cgroups.js';
import type { KubeletConfig } from './config.js';
import { DeviceManager } from './devices/manager.js';
import { parseResolvConf } from './env/dns.js';
import { createEvents, type Events } from './events.js';
import type { EvictionManager } from './eviction/manager.js';
import { nodeEviction } from './eviction/node-eviction.js';
import { amount, parseThresholds } from './eviction/thresholds.js';
import { ContainerGc } from './gc/container-gc.js';
import { ImageGc } from './gc/image-gc.js';
import { credentialsFor } from './images/credentials.js';
import { ImagePuller } from './images/puller.js';
import { sleep } from './lifecycle/hooks.js';
import { LogRotation } from './logs/rotation.js';
import { kubeletMetrics } from './metrics.js';
import { nodeAllocatable, nodeCapacity } from './node/allocatable.js';
import { runLease } from './node/lease.js';
import { fileSystemUse, machineInfo } from './node/machine.js';
import { nodeStatus } from './node/node-status.js';
import { defaultLabels, registerNode } from './node/registration.js';
import { RuntimeMonitor } from './node/runtime-monitor.js';
import { NodeStatusLoop } from './node/status-loop.js';
import { ObjectCache } from './objects/object-cache.js';
import { podObjects } from './objects/pod-objects.js';
import { TokenManager } from './objects/token-manager.js';
import { Pleg } from './pleg/pleg.js';
import { PodManager } from './pod/manager.js';
import type { Pod } from './pod/types.js';
import { ProbeManager } from './probes/manager.js';
import { Resizer } from './resize/resizer.js';
import { Backoff } from './runtime/backoff.js';
import { RuntimeReader } from './runtime/reader.js';
import type { RunnerContext } from './runtime/runner-context.js';
import { runningContainers } from './runtime/types.js';
import { ServerAuth } from './server/auth.js';
import { logRoute } from './server/container-logs.js';
import { infoRoutes } from './server/info.js';
import { KubeletServer } from './server/server.js';
import { servingCertificate } from './server/serving-certificate.js';
import { imageFileSystem, statsRoutes } from './server/stats-routes.js';
import { streamRoutes } from './server/streams.js';
import { followLogind } from './shutdown/logind.js';
import { NodeShutdown } from './shutdown/node-shutdown.js';
import { FileSource } from './sources/file-source.js';
import { MirrorPods } from './sources/mirror-pods.js';
import { StaticPods } from './sources/static-pods.js';
import { followUrl } from './sources/url-source.js';
import { UsageCollector } from './stats/collector.js';
import type { DetailSource } from './stats/details.js';
import { StatusManager } from './status/manager.js';
import { VolumeManager } from './volumes/manager.js';
import { PodPaths } from './volumes/paths.js';
import { admitPod } from './worker/admission.js';
import type { WorkerContext } from './worker/context.js';
import type { PodWorker } from './worker/pod-worker.js';

export interface KubeletDependencies {
  config: KubeletConfig;
  client: Client;
  logger: Logger;
  metrics: Registry;
  health: HealthRegistry;
  signal: AbortSignal;
}

const crashBackoffMs = { initial: 10_000, max: 300_000 };
const housekeepingMs = 60_000;

/** Starts the kubelet of this node; returns once it serves. Pods go on running when it is stopped. */
export async function startKubelet(dependencies: KubeletDependencies): Promise<RunningComponent> {
  const kubelet = new Kubelet(dependencies);
  await kubelet.start();
  return kubelet;
}

/** Composes the parts; holds no logic of its own beyond that. */
class Kubelet implements RunningComponent {
  private readonly stopping = new AbortController();
  private readonly signal: AbortSignal;
  private readonly machine = machineInfo();
  private readonly cri: CriClient;
  private readonly reader: RuntimeReader;
  private readonly recorder: EventRecorder;
  private readonly events: Events;
  private readonly informers: InformerFactory;
  private readonly monitor: RuntimeMonitor;
  private readonly paths: PodPaths;
  private readonly pods: PodManager;
  private readonly statuses: StatusManager;
  private readonly probes: ProbeManager;
  private readonly tokens: TokenManager;
  private readonly objects: ObjectCache;
  private readonly puller: ImagePuller;
  private readonly gc: ContainerGc;
  private readonly metrics: ReturnType<typeof kubeletMetrics>;
  private readonly pleg: Pleg;
  private readonly mirrors: MirrorPods;
  private readonly collector: UsageCollector;
  private readonly devices: DeviceManager;
  private readonly imageGc: ImageGc;
  private readonly resizer: Resizer;
  private readonly shutdown: NodeShutdown;
  private readonly volumes: VolumeManager;
  private eviction: EvictionManager | undefined;
  private node: V1Node | undefined;
  private allocatable: Record<string, string> = {};
  private cgroups: PodCgroups | undefined;
  private workerContext: WorkerContext | undefined;
  private server: KubeletServer | undefined;
  private statusLoop: NodeStatusLoop | undefined;
  private fileSource: FileSource | undefined;
  private readonly loops: Promise<unknown>[] = [];
  private readonly startedAt = Date.now();

  constructor(private readonly deps: KubeletDependencies) {
    const { config, client, logger, metrics, signal } = deps;
    const { options, nodeName } = config;
    this.signal = AbortSignal.any([signal, this.stopping.signal]);
    this.metrics = kubeletMetrics(metrics);
    this.cri = CriClient.connect(options.string('container-runtime-endpoint'), {
      timeoutMs: options.durationMs('runtime-request-timeout'),
    });
    this.reader = new RuntimeReader(this.cri);
    this.recorder = new EventRecorder(client, { component: 'kubelet', host: nodeName, logger });
    this.events = createEvents(this.recorder, nodeName, (pod) => this.pods.apiPod(pod) ?? pod);
    this.informers = new InformerFactory(client, { logger });
    this.monitor = new RuntimeMonitor(this.cri, logger, () => {
      this.statusLoop?.poke();
      this.pods.kickAll();
    });
    this.paths = new PodPaths(config.rootDir);
    this.statuses = new StatusManager({
      client,
      logger,
      signal: this.signal,
      apiPod: (pod) => this.pods.apiPod(pod),
      onWritten: (ms) => this.metrics.podStatusWrite.observe(ms / 1000),
    });
    this.pods = new PodManager({
      context: () => this.requireContext(),
      statuses: this.statuses,
      logger,
      onMirrorChange: (name) => this.mirrors.sync(name),
    });
    this.mirrors = new MirrorPods({
      client,
      manager: () => this.pods,
      logger,
      node: () => this.node,
      signal: this.signal,
    });
    this.probes = new ProbeManager({
      cri: this.cri,
      events: this.events,
      logger,
      onChange: (uid) => this.pods.kick(uid),
      onRun: (kind, result) => this.metrics.probes.inc({ probe_type: kind, result }),
    });
    this.tokens = new TokenManager(client);
    this.objects = new ObjectCache({ client, logger, onChange: (uid) => this.pods.kick(uid) });
    this.puller = new ImagePuller({
      cri: this.cri,
      events: this.events,
      credentials: (image, pod) =>
        credentialsFor(image, pod, this.objectsFor(pod), options.optionalString('registry-config')),
      maxParallel: options.boolean('serialize-image-pulls') ? 1 : options.number('max-parallel-image-pulls'),
    });
    this.gc = new ContainerGc({
      cri: this.cri,
      logger,
      podLogsDir: config.podLogsDir,
      maxDeadPerContainer: options.number('maximum-dead-containers-per-container'),
      isKnown: (uid) => this.pods.isKnown(uid),
      isTerminated: (uid) => this.pods.worker(uid)?.active === false,
    });
    this.collector = new UsageCollector(this.cri);
    this.devices = new DeviceManager({
      dir: config.devicePluginDir,
      logger,
      onChange: () => this.statusLoop?.poke(),
    });
    this.imageGc = new ImageGc({
      cri: this.cri,
      logger,
      highPercent: options.number('image-gc-high-threshold'),
      lowPercent: options.number('image-gc-low-threshold'),
      minimumAgeMs: options.durationMs('minimum-image-ttl-duration'),
      fileSystem: () => imageFileSystem(this.cri, config.rootDir),
      event: (type, reason, message) => this.events.node(type, reason, message),
    });
    this.resizer = new Resizer({
      cri: this.cri,
      events: this.events,
      logger,
      memoryCapacityBytes: this.machine.memoryBytes,
      allocatable: () => this.allocatable,
      activePods: () => this.admittedPods(),
      updatePodCgroup: async (pod) => this.cgroups?.ensure(pod),
    });
    this.shutdown = new NodeShutdown({
      pods: this.pods,
      logger,
      graceMs: options.durationMs('shutdown-grace-period'),
      criticalGraceMs: options.durationMs('shutdown-grace-period-critical-pods'),
      onChange: () => this.statusLoop?.poke(),
    });
    this.volumes = new VolumeManager({
      paths: this.paths,
      objectsFor: (pod) => this.objectsFor(pod),
      allocatable: () => this.allocatable,
    });
    this.pleg = new Pleg({
      cri: this.cri,
      reader: this.reader,
      logger,
      relistMs: 60_000,
      fallbackRelistMs: 1_000,
      onPod: (uid) => this.pods.kick(uid),
      onRelist: (overview, ms) => {
        this.metrics.relist.observe(ms / 1000);
        this.metrics.runningPods.set([...overview.pods.values()].filter((pod) => pod.running).length);
        this.metrics.desiredPods.set(this.pods.pods().length);
      },
    });
  }

  async start(): Promise<void> {
    const { config, logger, health } = this.deps;
    await mkdir(config.rootDir, { recursive: true, mode: 0o750 });
    await mkdir(config.podLogsDir, { recursive: true, mode: 0o755 });
    await this.monitor.connect(this.signal);
    await this.devices.start();
    await this.computeAllocatable();
    await this.setUpCgroups();
    this.workerContext = await this.buildContext();
    health.addCheck('pleg', () => this.pleg.check(), ['healthz', 'livez']);
    await this.serve();
    this.metrics.nodeName.set({ node: config.nodeName }, 1);
    this.events.node('Normal', 'Starting', 'Starting kubelet.');
    this.startLoops();
    logger.info('Kubelet runs', { node: config.nodeName, runtime: this.monitor.facts.name });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.fileSource?.stop();
    this.probes.close();
    await this.pods.close();
    this.objects.close();
    await this.server?.close();
    await this.devices.stop();
    await this.recorder.stop();
    this.cri.close();
    await Promise.allSettled(this.loops);
  }

  private requireContext(): WorkerContext {
    if (!this.workerContext) throw new Error('a pod came before the agent was ready');
    return this.workerContext;
  }

  private objectsFor(pod: Pod) {
    const { client } = this.deps;
    return podObjects(pod, { client, cache: this.objects, tokens: this.tokens, puller: this.puller });
  }

  private async computeAllocatable(): Promise<{
    capacity: Record<string, string>;
    allocatable: Record<string, string>;
  }> {
    const { config } = this.deps;
    const disk = await fileSystemUse(config.rootDir);
    const extended = this.devices.capacity();
    const capacity = nodeCapacity({
      machine: this.machine,
      maxPods: config.options.number('max-pods'),
      ephemeralStorageBytes: disk.capacityBytes,
      extended,
    });
    const allocatable = nodeAllocatable(
      capacity,
      {
        kube: config.kubeReserved,
        system: config.systemReserved,
        evictionMemoryBytes: this.keptFree('memory.available', this.machine.memoryBytes),
        evictionStorageBytes: this.keptFree('nodefs.available', disk.capacityBytes),
      },
      extended.allocatable,
    );
    this.allocatable = allocatable;
    return { capacity, allocatable };
  }

  /** What hard eviction keeps free of a resource, in bytes. */
  private keptFree(signal: string, capacity: number): number {
    const thresholds = parseThresholds(this.deps.config.options.strings('eviction-hard'));
    const found = thresholds.find((threshold) => threshold.signal === signal);
    return found ? amount(found, { available: 0, capacity }) : 0;
  }

  private async setUpCgroups(): Promise<void> {
    const { config, logger } = this.deps;
    if (!config.options.boolean('cgroups-per-qos')) return;
    const driver = config.options.optionalString('cgroup-driver') ?? this.monitor.facts.cgroupDriver ?? 'cgroupfs';
    this.cgroups = new PodCgroups({
      hierarchy: await detectCgroups(),
      root: config.options.string('cgroup-root'),
      driver: driver === 'systemd' ? 'systemd' : 'cgroupfs',
      podPidsLimit: config.options.number('pod-max-pids'),
      allocatable: () => this.allocatable,
      logger,
    });
    await this.cgroups.setUp();
  }

  private async buildContext(): Promise<WorkerContext> {
    const { config, client, logger } = this.deps;
    const { options, nodeName } = config;
    const services = this.informers.informer<V1Service>(gvr.services);
    const runner: RunnerContext = {
      cri: this.cri,
      events: this.events,
      logger,
      puller: this.puller,
      paths: this.paths,
      security: { seccompProfileRoot: join(config.rootDir, 'seccomp') },
      sandbox: {
        dns: {
          clusterDns: options.strings('cluster-dns'),
          clusterDomain: options.string('cluster-domain'),
          host: parseResolvConf(await readFile(options.string('resolv-conf'), 'utf8').catch(() => '')),
        },
        podLogsDir: config.podLogsDir,
        cgroupParent: (pod) => this.cgroups?.parent(pod) ?? '',
      },
      nodeName,
      memoryCapacityBytes: this.machine.memoryBytes,
      services: async () => {
        if (!services.hasSynced()) await services.waitForSync(this.signal);
        return services.lister.list();
      },
      objectsFor: (pod) => this.objectsFor(pod),
      allocatable: () => this.allocatable,
      hostIps: () => config.nodeIps,
      devices: (pod, container) => this.devices.allocate(pod, container),
      runtimeHandler: async (name) => {
        if (!name) return '';
        return (await client.resource<V1RuntimeClass>(gvr.runtimeclasses).get(name)).handler;
      },
    };
    return {
      cri: this.cri,
      events: this.events,
      logger,
      reader: this.reader,
      runner,
      puller: this.puller,
      probes: this.probes,
      statuses: this.statuses,
      volumes: this.volumes,
      crashBackoff: new Backoff(crashBackoffMs.initial, crashBackoffMs.max),
      runtimeName: () => this.monitor.facts.name,
      hostIps: () => config.nodeIps,
      networkProblem: () => this.monitor.networkProblem(),
      admit: (pod) => this.admit(pod),
      nextTokenRefresh: (uid) => this.tokens.nextRefresh(uid),
      ensureCgroup: async (pod) => this.cgroups?.ensure(pod),
      removeCgroup: async (pod) => this.cgroups?.remove(pod),
      resize: (pod, state) => this.resizer.resize(pod, state),
      extraConditions: (uid) => [this.resizer.condition(uid)].filter((condition) => condition !== undefined),
      removeFromRuntime: ({ metadata }) => this.gc.removePod(metadata.namespace, metadata.name, metadata.uid),
      forget: (uid) => {
        this.objects.release(uid);
        this.tokens.release(uid);
        this.puller.forget(uid);
        this.probes.remove(uid);
        this.resizer.forget(uid, this.pods.worker(uid)?.state);
      },
      onStarted: (_pod, ms) => this.metrics.podStart.observe(ms / 1000),
      onDone: (uid) => this.pods.done(uid),
    };
  }

  private admit(pod: Pod) {
    return admitPod(pod, {
      nodeLabels: this.node?.metadata?.labels ?? this.labels(),
      allocatable: this.allocatable,
      active: this.admittedPods(),
      pressures: this.eviction?.pressures() ?? [],
      allowedUnsafeSysctls: this.deps.config.options.strings('allowed-unsafe-sysctls'),
      shuttingDown: this.shutdown.shuttingDown,
    });
  }

  private admittedPods(): Pod[] {
    return this.pods
      .allWorkers()
      .filter((worker) => worker.isAdmitted)
      .map((worker) => worker.pod);
  }

  private labels(): Record<string, string> {
    const { config } = this.deps;
    return { ...defaultLabels(config.nodeName, this.machine), ...config.labels };
  }

  private async computeStatus(previous: V1NodeCondition[]): Promise<V1NodeStatus> {
    const { config } = this.deps;
    const { capacity, allocatable } = await this.computeAllocatable();
    const { facts } = this.monitor;
    const pressures = this.eviction?.pressures() ?? [];
    return nodeStatus({
      machine: this.machine,
      nodeIps: config.nodeIps,
      hostname: config.nodeName,
      port: config.options.number('port'),
      capacity,
      allocatable,
      runtimeVersion: `${facts.name}://${facts.version}`,
      images: await this.monitor.images().catch(() => []),
      pressures: {
        memory: pressures.includes('MemoryPressure'),
        disk: pressures.includes('DiskPressure'),
        pid: pressures.includes('PIDPressure'),
      },
      problems: [...this.monitor.problems(), ...(this.shutdown.shuttingDown ? ['node is shutting down'] : [])],
      previous,
      runtimeHandlers: this.monitor.handlers,
    });
  }

  private async register(status: V1NodeStatus): Promise<V1Node> {
    const { config, client, logger } = this.deps;
    for (;;) {
      this.signal.throwIfAborted();
      try {
        this.node = await registerNode(client, config.nodeName, this.labels(), config.taints, status);
        logger.info('Node is registered', { node: config.nodeName });
        return this.node;
      } catch (error) {
        logger.warn('Node could not be registered, trying again', { error });
        await sleep(1_000, this.signal);
      }
    }
  }

  private async serve(): Promise<void> {
    const { config, client, logger, health, metrics } = this.deps;
    const { options, nodeName } = config;
    const clientCa = options.optionalString('client-ca-file');
    const findPod = (namespace: string, name: string, uid?: string) => this.pods.find(namespace, name, uid);
    this.server = new KubeletServer({
      address: options.string('address'),
      port: options.number('port'),
      tls: await servingCertificate({
        certFile: options.optionalString('tls-cert-file'),
        keyFile: options.optionalString('tls-private-key-file'),
        certDir: config.certDir,
        nodeName,
        nodeIps: config.nodeIps,
      }),
      clientCa: clientCa ? await readFile(clientCa, 'utf8') : undefined,
      auth: new ServerAuth(client, nodeName, { anonymous: options.boolean('anonymous-auth') }),
      health,
      logger,
      routes: [
        logRoute({
          reader: this.reader,
          findPod,
          lastState: (uid) => this.pods.worker(uid)?.state,
          isKnown: (uid) => this.pods.isKnown(uid),
        }),
        ...streamRoutes({ cri: this.cri, reader: this.reader, findPod }),
        ...statsRoutes({
          nodeName,
          rootDir: config.rootDir,
          cri: this.cri,
          collector: this.collector,
          sources: () => this.pods.allWorkers().map((worker) => this.detailSource(worker)),
        }),
        ...infoRoutes({
          metrics,
          pods: () => this.pods.pods(),
          status: (uid) => this.statuses.get(uid),
          reader: this.reader,
          config: () => ({
            clusterDNS: options.strings('cluster-dns'),
            clusterDomain: options.string('cluster-domain'),
            maxPods: options.number('max-pods'),
            port: options.number('port'),
            staticPodPath: options.string('pod-manifest-path'),
            nodeStatusUpdateFrequency: options.durationMs('node-status-update-frequency') / 1000,
          }),
        }),
      ],
    });
    await this.server.listen();
  }

  private detailSource(worker: PodWorker): DetailSource {
    const { pod, state } = worker;
    const { startTime } = this.statuses.get(pod.metadata.uid) ?? pod.status ?? {};
    return { pod, state, startTime, volumes: this.volumes.localVolumeDirs(pod) };
  }

  private startLoops(): void {
    const { config, client, logger } = this.deps;
    const { options, nodeName } = config;
    const run = (name: string, work: Promise<unknown>) => {
      this.loops.push(
        work.catch((error) => {
          if (!this.signal.aborted) logger.error('A loop of the agent has ended', { loop: name, error });
        }),
      );
    };
    this.statusLoop = new NodeStatusLoop({
      client,
      logger,
      nodeName,
      updateMs: options.durationMs('node-status-update-frequency'),
      reportMs: options.durationMs('node-status-report-frequency'),
      compute: (previous) => this.computeStatus(previous.length > 0 ? previous : (this.node?.status?.conditions ?? [])),
      register: (status) => this.register(status),
      onNode: (node) => {
        this.node = node;
      },
      onConditionChange: (type, status) => this.reportCondition(type, status),
    });
    run('node-status', this.registerAndReport(this.statusLoop));
    run(
      'lease',
      runLease(
        {
          client,
          logger,
          nodeName,
          durationSeconds: options.number('node-lease-duration-seconds'),
          node: () => this.node,
        },
        this.signal,
      ),
    );
    run('runtime-monitor', this.monitor.run(this.signal));
    run('pods', this.followPods());
    const rotation = new LogRotation({
      cri: this.cri,
      logger,
      maxBytes: config.logMaxBytes,
      maxFiles: options.number('container-log-max-files'),
      running: () => this.pods.allWorkers().flatMap((worker) => (worker.state ? runningContainers(worker.state) : [])),
    });
    run('log-rotation', rotation.run(this.signal));
    this.eviction = nodeEviction({
      config,
      cri: this.cri,
      logger,
      events: this.events,
      pods: this.pods,
      volumes: this.volumes,
      collector: this.collector,
      imageGc: this.imageGc,
      containerGc: this.gc,
      onChange: () => this.statusLoop?.poke(),
      onEvicted: (name) => this.metrics.evictions.inc({ eviction_signal: name }),
    });
    run('eviction', this.eviction.run(this.signal));
    if (options.durationMs('shutdown-grace-period') > 0) {
      const onShutdown = () => this.shutdown.run();
      run('shutdown', followLogind({ logger, onShutdown, onCancel: () => this.shutdown.cancel() }, this.signal));
    }
  }

  private async registerAndReport(loop: NodeStatusLoop): Promise<void> {
    if (this.deps.config.options.boolean('register-node')) {
      const node = await this.register(await this.computeStatus([]));
      for (const condition of node.status?.conditions ?? []) this.reportCondition(condition.type, condition.status);
      for (const pod of this.pods.staticNames()) this.mirrors.sync(pod);
    }
    await loop.run(this.signal);
  }

  private reportCondition(type: string, status: string): void {
    const { nodeName } = this.deps.config;
    const on = status === 'True';
    const reasons: Record<string, [string, string]> = {
      Ready: ['NodeReady', 'NodeNotReady'],
      MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
      DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
      PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
    };
    const reason = reasons[type]?.[on ? 0 : 1];
    if (reason) this.events.node('Normal', reason, `Node ${nodeName} status is now: ${reason}`);
  }

  /** Pods come in: static ones at once, those of the API server when it has answered; then what is left over goes. */
  private async followPods(): Promise<void> {
    const { config, logger } = this.deps;
    const { nodeName } = config;
    await this.startStaticSources();
    const informer = this.informers.informer<V1Pod>(gvr.pods, { fieldSelector: `spec.nodeName=${nodeName}` });
    informer.addEventHandler({
      add: (pod) => this.pods.setApiPod({ ...pod, apiVersion: 'v1', kind: 'Pod' }),
      update: (_old, pod) => this.pods.setApiPod({ ...pod, apiVersion: 'v1', kind: 'Pod' }),
      delete: (pod) => this.pods.removeApiPod(pod),
    });
    this.informers.start(this.signal);
    const pleg = this.pleg.run(this.signal);
    await informer.waitForSync(this.signal);
    logger.info('Pods of this node are known', { pods: this.pods.pods().length, afterMs: Date.now() - this.startedAt });
    while (!this.signal.aborted) {
      try {
        await this.housekeeping();
      } catch (error) {
        if (!this.signal.aborted) logger.warn('Housekeeping failed', { error });
      }
      await sleep(housekeepingMs, this.signal);
    }
    await pleg;
  }

  private async startStaticSources(): Promise<void> {
    const { config, logger } = this.deps;
    const { options, nodeName } = config;
    const path = options.optionalString('pod-manifest-path');
    if (path) {
      const files = new StaticPods(this.pods);
      const checkMs = options.durationMs('file-check-frequency');
      this.fileSource = new FileSource({ path, nodeName, checkMs, logger }, (pods) => files.replace(pods));
      await this.fileSource.start();
    }
    const url = options.optionalString('manifest-url');
    if (url) {
      const fromUrl = new StaticPods(this.pods);
      const headers = Object.fromEntries(
        options.strings('manifest-url-header').map((text) => {
          const colon = text.indexOf(':');
          return [text.slice(0, colon), text.slice(colon + 1)];
        }),
      );
      const checkMs = options.durationMs('http-check-frequency');
      this.loops.push(
        followUrl({ url, headers, nodeName, checkMs, logger }, (pods) => fromUrl.replace(pods), this.signal),
      );
    }
  }

  /** Removes what belongs to no pod any more. */
  private async housekeeping(): Promise<void> {
    const context = this.requireContext();
    this.pods.removeOrphans(await this.reader.overview());
    const isKnown = (uid: string) => this.pods.isKnown(uid);
    await context.volumes.collect(isKnown);
    await this.cgroups?.collect(isKnown);
    await this.cgroups?.updateQos(this.pods.pods());
    await this.gc.collect();
    await this.imageGc.collect();
    this.devices.collect(isKnown);
    context.crashBackoff.collect();
  }
}
