import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Client, inClusterConfig, LeaderElector, loadKubeconfig } from '@kubelab/client';
import { type ComponentContext, type RunningComponent, serveOperational } from '@kubelab/component-base';
import { selfSigned } from '@kubelab/pki';
import { EtcdElector, etcdElection } from '@kubelab/storage';
import { compileOptions } from './flags.js';
import { runControllers } from './run-controllers.js';
import { selectControllers } from './selection.js';
import { controllerTable } from './table.js';

/** Starts the manager: health and metrics at once, the controllers when it leads. */
export async function startManager(context: ComponentContext): Promise<RunningComponent> {
  const { options: values, logger, health, metrics } = context;
  const options = compileOptions(values);
  const descriptors = selectControllers(controllerTable, values.strings('controllers'));
  const kubeconfig = values.optionalString('kubeconfig');
  const qps = values.number('kube-api-qps');
  const config = {
    ...(kubeconfig ? loadKubeconfig(kubeconfig) : inClusterConfig()),
    userAgent: 'kube-controller-manager',
    ...(qps > 0 && { qps, burst: values.number('kube-api-burst') || qps * 2 }),
  };
  const client = new Client(config);
  const stop = new AbortController();

  const server = await startServer(context);
  const work = (signal: AbortSignal): Promise<void> =>
    runControllers(
      {
        descriptors,
        config,
        client,
        ownAccounts: values.boolean('use-service-account-credentials'),
        options,
        logger,
        metrics,
      },
      signal,
    );

  let running: Promise<void>;
  if (values.boolean('leader-elect')) {
    let controllers: Promise<void> = Promise.resolve();
    let lost = false;
    health.addCheck('leaderElection', () => {
      if (lost) throw new Error('leader lease lost');
    });
    const leaseName = values.string('leader-elect-resource-name');
    const leaseNamespace = values.string('leader-elect-resource-namespace');
    const inEtcd = etcdElection(values, leaseNamespace, leaseName);
    const election = {
      identity: `${hostname()}_${randomUUID()}`,
      leaseDurationMs: values.durationMs('leader-elect-lease-duration'),
      renewDeadlineMs: values.durationMs('leader-elect-renew-deadline'),
      retryPeriodMs: values.durationMs('leader-elect-retry-period'),
      onStartedLeading: (signal: AbortSignal) => {
        controllers = work(signal);
      },
      onStoppedLeading: () => {
        if (stop.signal.aborted) return;
        lost = true;
        // Another may lead by now. What this process has in flight can only be stopped for sure by ending it.
        logger.error('Leader election lost, ending the process');
        process.exit(1);
      },
      logger,
    };
    const elector = inEtcd
      ? new EtcdElector({ ...election, ...inEtcd })
      : new LeaderElector({ ...election, client, leaseName, leaseNamespace });
    running = elector.run(stop.signal).then(() => controllers);
  } else {
    running = work(stop.signal);
  }
  running.catch((error) => {
    if (stop.signal.aborted) return;
    logger.error('Controllers failed', { error });
    process.exit(1);
  });

  return {
    async stop() {
      stop.abort();
      await running;
      await server?.close();
    },
  };
}

async function startServer({
  options,
  logger,
  health,
  metrics,
}: ComponentContext): Promise<{ close(): Promise<void> } | undefined> {
  const port = options.number('secure-port');
  if (port === 0) return undefined;
  const certFile = options.optionalString('tls-cert-file');
  const keyFile = options.optionalString('tls-private-key-file');
  const tls =
    certFile && keyFile
      ? { cert: readFileSync(certFile), key: readFileSync(keyFile) }
      : await selfSigned({
          commonName: `kube-controller-manager@${hostname()}`,
          dnsNames: [hostname(), 'localhost'],
          ipAddresses: ['127.0.0.1'],
          usages: ['server'],
        }).then(({ certPem, keyPem }) => ({ cert: certPem, key: keyPem }));
  return serveOperational({ bindAddress: options.string('bind-address'), port, tls, health, metrics, logger });
}
