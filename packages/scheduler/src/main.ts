import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Client, LeaderElector, loadKubeconfig } from '@kubelab/client';
import { type OptionSpecs, runComponent, serveOperational } from '@kubelab/component-base';
import { selfSigned } from '@kubelab/pki';
import { SchedulerMetrics } from './metrics.js';
import { Scheduler } from './scheduler.js';

const options: OptionSpecs = {
  kubeconfig: { type: 'string', required: true, description: 'How to reach the API server' },
  'bind-address': { type: 'string', default: '127.0.0.1', description: 'Address of health and metrics' },
  'secure-port': { type: 'number', default: 10259, description: 'Port of health and metrics; 0 for none' },
  'leader-elect': { type: 'boolean', default: true, description: 'Schedule only while holding the Lease' },
  'leader-elect-lease-duration': { type: 'duration', default: '15s', description: 'When others may take over' },
  'leader-elect-renew-deadline': { type: 'duration', default: '10s', description: 'How long renewing is tried' },
  'leader-elect-retry-period': { type: 'duration', default: '2s', description: 'Between two tries' },
  'leader-elect-resource-name': { type: 'string', default: 'kube-scheduler', description: 'Name of the Lease' },
  'leader-elect-resource-namespace': { type: 'string', default: 'kube-system', description: 'Namespace of the Lease' },
  'scheduler-name': { type: 'string', default: 'default-scheduler', description: 'spec.schedulerName of its pods' },
};

await runComponent({
  name: 'scheduler',
  description: 'Puts pods on nodes',
  options,
  async start({ options: values, logger, health, metrics }) {
    const client = new Client({ ...loadKubeconfig(values.string('kubeconfig')), userAgent: 'kube-scheduler' });
    const schedulerMetrics = new SchedulerMetrics(metrics);
    const stop = new AbortController();
    const port = values.number('secure-port');
    let server: Awaited<ReturnType<typeof serveOperational>> | undefined;
    if (port > 0) {
      const { certPem, keyPem } = await selfSigned({
        commonName: 'kube-scheduler',
        dnsNames: ['localhost'],
        usages: ['server'],
      });
      server = await serveOperational({
        bindAddress: values.string('bind-address'),
        port,
        tls: { cert: certPem, key: keyPem },
        health,
        metrics,
        logger,
      });
    }
    const work = (signal: AbortSignal) =>
      new Scheduler({ client, logger, metrics: schedulerMetrics, schedulerName: values.string('scheduler-name') }).run(
        signal,
      );
    let scheduling: Promise<void> = Promise.resolve();
    const elector = new LeaderElector({
      client,
      leaseName: values.string('leader-elect-resource-name'),
      leaseNamespace: values.string('leader-elect-resource-namespace'),
      identity: `${hostname()}_${randomUUID()}`,
      leaseDurationMs: values.durationMs('leader-elect-lease-duration'),
      renewDeadlineMs: values.durationMs('leader-elect-renew-deadline'),
      retryPeriodMs: values.durationMs('leader-elect-retry-period'),
      onStartedLeading: (signal) => {
        scheduling = work(signal);
      },
      onStoppedLeading: () => {
        if (!stop.signal.aborted) {
          // Another may lead by now: what is in flight here can only be stopped for sure by ending the process.
          logger.error('Leader election lost, ending the process');
          process.exit(1);
        }
      },
      logger,
    });
    const running = values.boolean('leader-elect')
      ? elector.run(stop.signal).then(() => scheduling)
      : work(stop.signal);
    running.catch((error) => {
      logger.error('Scheduling ended', { error });
      process.exit(1);
    });
    return {
      async stop() {
        stop.abort();
        await running;
        await server?.close();
      },
    };
  },
});
