import { mkdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { Cni } from '@kubelab/cni';
import { Histogram, runComponent, serveOperational } from '@kubelab/component-base';
import { OomWatch } from './container/oom.js';
import { OomKills } from './container/oom-kills.js';
import { OomMarks } from './container/oom-marks.js';
import { ReadOnlyStages } from './container/read-only-stages.js';
import type { RuntimeContext } from './context.js';
import { connectDocker, waitForDocker } from './docker/client.js';
import { DockerEvents } from './docker/events.js';
import { DaemonInfo } from './docker/info.js';
import { readHostFacts } from './host.js';
import { ImageNameCache } from './image/inspect.js';
import { ImageUsers } from './image/users.js';
import { ImageVolumes } from './image/volumes.js';
import { LogManager } from './logs/manager.js';
import { options } from './options.js';
import { NetworkFiles } from './sandbox/network-files.js';
import { NetworkResults } from './sandbox/network-results.js';
import { serveRuntime } from './service.js';
import { StreamingServer } from './streaming/server.js';

await runComponent({
  name: 'cri-docker',
  description: 'Serves the Container Runtime Interface (runtime.v1) on a unix socket, with Docker behind it.',
  options,
  async start({ options: values, logger, metrics, health, signal }) {
    const docker = connectDocker(values.string('docker-endpoint'));
    health.addCheck('docker', async () => {
      await docker.quick.ping();
    });
    const address = values.string('operational-address');
    const colon = address.lastIndexOf(':');
    const operational =
      address === ''
        ? undefined
        : await serveOperational({
            bindAddress: address.slice(0, colon).replace(/^\[|\]$/g, '') || '127.0.0.1',
            port: Number(address.slice(colon + 1)),
            health,
            metrics,
            logger,
          });
    await waitForDocker(docker.quick, signal, (error) => logger.info('Waiting for Docker', { error }));
    const info = new DaemonInfo(docker.quick);
    const { DockerRootDir: dockerRoot, CgroupDriver: driver } = await info.get();
    const wantedDriver = values.string('cgroup-driver');
    if (wantedDriver !== '' && wantedDriver !== driver) {
      throw new Error(`--cgroup-driver is ${wantedDriver}, but Docker uses ${driver}`);
    }

    const stateDir = values.string('state-dir');
    if (!isAbsolute(stateDir)) throw new Error(`--state-dir must be absolute: ${stateDir}`);
    await mkdir(stateDir, { recursive: true });
    const cacheDir = values.string('cni-cache-dir');
    const host = readHostFacts();
    const events = new DockerEvents(docker.open, stateDir, logger);
    const context: RuntimeContext = {
      docker,
      info,
      events,
      oom: new OomWatch(events, new OomMarks(stateDir), host.cgroupV2 ? new OomKills() : undefined),
      cni: new Cni({
        confDir: values.string('cni-conf-dir'),
        binDirs: values.strings('cni-bin-dir'),
        cacheDir: cacheDir === '' ? join(stateDir, 'cni') : cacheDir,
      }),
      networks: new NetworkResults(stateDir),
      networkFiles: new NetworkFiles(stateDir),
      logs: new LogManager(dockerRoot, stateDir, logger),
      streaming: new StreamingServer(logger),
      imageUsers: new ImageUsers(docker.quick),
      imageNames: new ImageNameCache(docker.quick),
      imageVolumes: new ImageVolumes(docker.quick, stateDir),
      readOnlyStages: new ReadOnlyStages(stateDir),
      logger,
      host,
      pauseImage: values.string('pod-infra-container-image'),
      stateDir,
    };
    await context.streaming.listen(values.string('streaming-address'));
    await events.start(signal);
    const calls = new Histogram({
      name: 'kubelab_cri_operations_seconds',
      help: 'Time of CRI calls by method and outcome.',
      labelNames: ['method', 'outcome'],
      registers: [metrics],
    });
    const server = await serveRuntime(
      context,
      values.string('container-runtime-endpoint'),
      (method, seconds, error) => {
        calls.observe({ method, outcome: error ? 'error' : 'success' }, seconds);
        if (error) logger.info('CRI call failed', { method, seconds, error: String(error) });
        else logger.debug('CRI call', { method, seconds });
      },
    );
    return {
      async stop() {
        await server.close();
        context.streaming.close();
        await context.logs.close();
        await operational?.close();
      },
    };
  },
});
