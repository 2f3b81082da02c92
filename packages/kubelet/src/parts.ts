import { type Client, EventRecorder, InformerFactory } from '@kubelab/client';
import type { HealthRegistry, Logger, Registry } from '@kubelab/component-base';
import { CriClient } from '@kubelab/cri';
import type { PodCgroups } from './cgroup/pod-cgroups.js';
import type { KubeletConfig } from './config.js';
import { DeviceManager } from './devices/manager.js';
import { createEvents, type Events } from './events.js';
import type { EvictionManager } from './eviction/manager.js';
import { nodeEviction } from './eviction/node-eviction.js';
import { ContainerGc } from './gc/container-gc.js';
import { ImageGc } from './gc/image-gc.js';
import { credentialsFor } from './images/credentials.js';
import { ImagePuller } from './images/puller.js';
import { kubeletMetrics } from './metrics.js';
import { type MachineInfo, machineInfo } from './node/machine.js';
import { NodeAgent } from './node/node-agent.js';
import { RuntimeMonitor } from './node/runtime-monitor.js';
import { ObjectCache } from './objects/object-cache.js';
import { podObjects } from './objects/pod-objects.js';
import { TokenManager } from './objects/token-manager.js';
import { PodManager } from './pod/manager.js';
import type { Pod } from './pod/types.js';
import { ProbeManager } from './probes/manager.js';
import { Resizer } from './resize/resizer.js';
import { RuntimeReader } from './runtime/reader.js';
import type { IsolatePod } from './runtime/runner-context.js';
import { imageFileSystem } from './server/stats-routes.js';
import { NodeShutdown } from './shutdown/node-shutdown.js';
import { MirrorPods } from './sources/mirror-pods.js';
import { registerClaimMetrics } from './stats/claim-metrics.js';
import { UsageCollector } from './stats/collector.js';
import { StatusManager } from './status/manager.js';
import { VolumeManager } from './volumes/manager.js';
import { PodPaths } from './volumes/paths.js';
import type { VolumeObjects } from './volumes/types.js';
import type { WorkerContext } from './worker/context.js';

export interface KubeletDependencies {
  config: KubeletConfig;
  client: Client;
  logger: Logger;
  metrics: Registry;
  health: HealthRegistry;
  signal: AbortSignal;
  /** Called before a new pod's containers start; absent where another process enforces network policies. */
  isolate?: IsolatePod | undefined;
}

/** The parts of the agent, each made once. They know each other through narrow callbacks only. */
export class Parts {
  readonly config: KubeletConfig;
  readonly client: Client;
  readonly logger: Logger;
  readonly isolate: IsolatePod | undefined;
  readonly machine: MachineInfo = machineInfo();
  readonly metrics: ReturnType<typeof kubeletMetrics>;
  readonly cri: CriClient;
  readonly reader: RuntimeReader;
  readonly recorder: EventRecorder;
  readonly events: Events;
  readonly informers: InformerFactory;
  readonly monitor: RuntimeMonitor;
  readonly paths: PodPaths;
  readonly statuses: StatusManager;
  readonly pods: PodManager;
  readonly mirrors: MirrorPods;
  readonly probes: ProbeManager;
  readonly tokens: TokenManager;
  readonly objects: ObjectCache;
  readonly puller: ImagePuller;
  readonly containerGc: ContainerGc;
  readonly imageGc: ImageGc;
  readonly collector: UsageCollector;
  readonly devices: DeviceManager;
  readonly volumes: VolumeManager;
  readonly nodeAgent: NodeAgent;
  readonly resizer: Resizer;
  readonly shutdown: NodeShutdown;
  readonly eviction: EvictionManager;
  /** Made when the runtime has told its cgroup driver; none with --cgroups-per-qos=false. */
  cgroups: PodCgroups | undefined;
  /** Set before the first pod comes in. */
  workers: WorkerContext | undefined;

  constructor(
    dependencies: KubeletDependencies,
    readonly signal: AbortSignal,
  ) {
    const { config, client, logger, metrics } = dependencies;
    const { options, nodeName, rootDir } = config;
    this.config = config;
    this.client = client;
    this.isolate = dependencies.isolate;
    this.logger = logger;
    this.metrics = kubeletMetrics(metrics);
    const timeoutMs = options.durationMs('runtime-request-timeout');
    this.cri = CriClient.connect(options.string('container-runtime-endpoint'), { timeoutMs });
    const { cri } = this;
    this.reader = new RuntimeReader(cri);
    this.recorder = new EventRecorder(client, { component: 'kubelet', host: nodeName, logger });
    this.events = createEvents(this.recorder, nodeName, (pod) => this.pods.apiPod(pod) ?? pod);
    const { events } = this;
    this.informers = new InformerFactory(client, { logger });
    const poke = () => this.nodeAgent.poke();
    const kick = (uid: string) => this.pods.kick(uid);
    this.monitor = new RuntimeMonitor(cri, logger, () => {
      poke();
      this.pods.kickAll();
    });
    this.paths = new PodPaths(rootDir);
    this.statuses = new StatusManager({
      client,
      logger,
      signal,
      apiPod: (pod) => this.pods.apiPod(pod),
      onWritten: (ms) => this.metrics.podStatusWrite.observe(ms / 1000),
    });
    this.pods = new PodManager({
      context: () => this.requireWorkers(),
      statuses: this.statuses,
      logger,
      onMirrorChange: (name) => this.mirrors.sync(name),
    });
    const { pods } = this;
    this.mirrors = new MirrorPods({ client, manager: () => pods, logger, node: () => this.nodeAgent.node, signal });
    this.probes = new ProbeManager({
      cri,
      events,
      logger,
      onChange: (uid) => pods.worker(uid)?.probed(),
      onRun: (kind, result) => this.metrics.probes.inc({ probe_type: kind, result }),
    });
    this.tokens = new TokenManager(client);
    this.objects = new ObjectCache({ client, logger, onChange: kick });
    const nodeCredentials = options.optionalString('registry-config');
    this.puller = new ImagePuller({
      cri,
      events,
      credentials: (image, pod) => credentialsFor(image, pod, this.objectsFor(pod), nodeCredentials),
      maxParallel: options.boolean('serialize-image-pulls') ? 1 : options.number('max-parallel-image-pulls'),
    });
    this.containerGc = new ContainerGc({
      cri,
      logger,
      podLogsDir: config.podLogsDir,
      maxDeadPerContainer: options.number('maximum-dead-containers-per-container'),
      isKnown: (uid) => pods.isKnown(uid),
    });
    this.imageGc = new ImageGc({
      cri,
      logger,
      highPercent: options.number('image-gc-high-threshold'),
      lowPercent: options.number('image-gc-low-threshold'),
      minimumAgeMs: options.durationMs('minimum-image-ttl-duration'),
      fileSystem: () => imageFileSystem(cri, rootDir),
      event: (type, reason, message) => events.node(type, reason, message),
    });
    this.collector = new UsageCollector(cri);
    this.devices = new DeviceManager({ dir: config.devicePluginDir, logger, onChange: poke });
    const allocatable = () => this.nodeAgent.allocatable;
    this.volumes = new VolumeManager({ paths: this.paths, objectsFor: this.objectsFor, allocatable });
    registerClaimMetrics(metrics, () =>
      pods.pods().flatMap((pod) => {
        const { namespace } = pod.metadata;
        const claims = this.volumes.measured(pod).filter((volume) => volume.claim);
        return claims.map((volume) => ({ namespace, volume }));
      }),
    );
    this.nodeAgent = new NodeAgent({
      config,
      client,
      logger,
      events,
      machine: this.machine,
      monitor: this.monitor,
      extended: () => this.devices.capacity(),
      pressures: () => this.eviction.pressures(),
      shuttingDown: () => this.shutdown.shuttingDown,
      onRegistered: () => {
        for (const name of pods.staticNames()) this.mirrors.sync(name);
      },
    });
    this.resizer = new Resizer({
      cri,
      events,
      logger,
      memoryCapacityBytes: this.machine.memoryBytes,
      allocatable,
      activePods: () => pods.admitted(),
      updatePodCgroup: async (pod) => this.cgroups?.ensure(pod),
    });
    this.shutdown = new NodeShutdown({
      pods,
      logger,
      graceMs: options.durationMs('shutdown-grace-period'),
      criticalGraceMs: options.durationMs('shutdown-grace-period-critical-pods'),
      onChange: poke,
    });
    this.eviction = nodeEviction({
      config,
      cri,
      logger,
      events,
      pods,
      volumes: this.volumes,
      collector: this.collector,
      imageGc: this.imageGc,
      containerGc: this.containerGc,
      podMemory: async () => this.cgroups?.memory(),
      onChange: poke,
      onEvicted: (name) => this.metrics.evictions.inc({ eviction_signal: name }),
    });
  }

  /** API access on behalf of a pod. */
  readonly objectsFor = (pod: Pod): VolumeObjects =>
    podObjects(pod, { client: this.client, cache: this.objects, tokens: this.tokens, puller: this.puller });

  private requireWorkers(): WorkerContext {
    if (!this.workers) throw new Error('a pod came before the agent was ready');
    return this.workers;
  }
}
