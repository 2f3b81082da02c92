import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import {
  Client,
  type ClientConfig,
  InformerFactory,
  inClusterConfig,
  LeaderElector,
  loadKubeconfig,
} from '@kubelab/client';
import {
  type ComponentContext,
  type OperationalServer,
  parseDurationMs,
  type RunningComponent,
  serveOperational,
} from '@kubelab/component-base';
import { selfSigned } from '@kubelab/pki';
import { EtcdElector, etcdElection } from '@kubelab/storage';
import { defaultConfig } from '../config/defaults.js';
import { loadConfigFile, type ProcessConfig } from '../config/load.js';
import type { SchedulerConfig } from '../config/types.js';
import { Scheduler } from '../core/scheduler.js';

/** Starts the scheduler: health and metrics at once, scheduling when it leads. */
export async function startScheduler(context: ComponentContext): Promise<RunningComponent> {
  const { options, logger, health } = context;
  const { config, process: fromFile } = readConfig(options.optionalString('scheduler-config'));
  const client = new Client(clientConfig(context, fromFile));
  const stop = new AbortController();
  const server = await startServer(context);
  const work = (signal: AbortSignal): Promise<void> => {
    const informers = new InformerFactory(client, { logger });
    return new Scheduler({ client, informers, config, logger, metrics: context.metrics }).run(signal);
  };

  let running: Promise<void>;
  const election = fromFile.leaderElection;
  const elects = options.isSet('leader-elect') ? options.boolean('leader-elect') : (election?.leaderElect ?? true);
  if (elects) {
    const durationMs = (flag: string, given: string | undefined): number =>
      given && !options.isSet(flag) ? parseDurationMs(given) : options.durationMs(flag);
    let scheduling: Promise<void> = Promise.resolve();
    const leaseName = election?.resourceName ?? options.string('leader-elect-resource-name');
    const leaseNamespace = election?.resourceNamespace ?? options.string('leader-elect-resource-namespace');
    const inEtcd = etcdElection(options, leaseNamespace, leaseName);
    const common = {
      identity: `${hostname()}_${randomUUID()}`,
      leaseDurationMs: durationMs('leader-elect-lease-duration', election?.leaseDuration),
      renewDeadlineMs: durationMs('leader-elect-renew-deadline', election?.renewDeadline),
      retryPeriodMs: durationMs('leader-elect-retry-period', election?.retryPeriod),
      onStartedLeading: (signal: AbortSignal) => {
        scheduling = work(signal);
        return scheduling;
      },
      onStoppedLeading: () => {
        if (stop.signal.aborted) return;
        // Another may lead by now; what this process has in flight is only stopped for sure by ending it.
        logger.error('Leader election lost, ending the process');
        process.exit(1);
      },
      logger,
    };
    const elector = inEtcd
      ? new EtcdElector({ ...common, ...inEtcd })
      : new LeaderElector({ ...common, client, leaseName, leaseNamespace });
    health.addCheck('leaderElection', () => elector.check());
    running = elector.run(stop.signal).then(() => scheduling);
  } else {
    running = work(stop.signal);
  }
  running.catch((error: unknown) => {
    if (stop.signal.aborted) return;
    logger.error('Scheduling failed', { error });
    process.exit(1);
  });
  return {
    async stop() {
      stop.abort();
      await running;
      client.close();
      await server?.close();
    },
  };
}

function readConfig(file: string | undefined): { config: SchedulerConfig; process: ProcessConfig } {
  return file ? loadConfigFile(file) : { config: defaultConfig(), process: { leaderElection: undefined } };
}

function clientConfig({ options }: ComponentContext, fromFile: ProcessConfig): ClientConfig {
  const kubeconfig = options.optionalString('kubeconfig') ?? fromFile.kubeconfig;
  const qps = options.number('kube-api-qps') || fromFile.qps || 0;
  return {
    ...(kubeconfig ? loadKubeconfig(kubeconfig) : inClusterConfig()),
    userAgent: 'kube-scheduler',
    ...(qps > 0 && { qps, burst: options.number('kube-api-burst') || fromFile.burst || qps * 2 }),
  };
}

async function startServer(context: ComponentContext): Promise<OperationalServer | undefined> {
  const { options, logger, health, metrics } = context;
  const port = options.number('secure-port');
  if (port === 0) return undefined;
  const certFile = options.optionalString('tls-cert-file');
  const keyFile = options.optionalString('tls-private-key-file');
  const tls =
    certFile && keyFile
      ? { cert: readFileSync(certFile), key: readFileSync(keyFile) }
      : await selfSigned({
          commonName: `kube-scheduler@${hostname()}`,
          dnsNames: [hostname(), 'localhost'],
          ipAddresses: ['127.0.0.1'],
          usages: ['server'],
        }).then(({ certPem, keyPem }) => ({ cert: certPem, key: keyPem }));
  return serveOperational({ bindAddress: options.string('bind-address'), port, tls, health, metrics, logger });
}
