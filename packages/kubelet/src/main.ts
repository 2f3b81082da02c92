#!/usr/bin/env node
import { Client } from '@kubelab/client';
import { HealthRegistry, type RunningComponent, runComponent, serveOperational } from '@kubelab/component-base';
import { bootstrapConfig, rotateCertificate } from './bootstrap/bootstrap.js';
import { compileConfig } from './config.js';
import { startKubelet } from './kubelet.js';
import { kubeletOptions } from './options.js';
import { startProxy } from './start-proxy.js';

await runComponent({
  name: 'kubelet',
  description: 'The node agent: kubelet, and kube-proxy with the pod network unless --proxy=false.',
  options: kubeletOptions,
  async start({ options, logger, metrics, health, signal }) {
    const config = compileConfig(options);
    const bootstrap = {
      kubeconfigPath: options.string('kubeconfig'),
      bootstrapPath: options.optionalString('bootstrap-kubeconfig'),
      certDir: config.certDir,
      nodeName: config.nodeName,
      logger,
      signal,
    };
    const healthzPort = options.number('healthz-port');
    const operational =
      healthzPort > 0
        ? await serveOperational({
            bindAddress: options.string('healthz-bind-address'),
            port: healthzPort,
            health,
            metrics,
            logger,
          })
        : undefined;
    const clientConfig = await bootstrapConfig(bootstrap);
    const client = new Client({
      ...clientConfig,
      userAgent: 'kubelet/v1.33.0',
      qps: options.number('kube-api-qps'),
      burst: options.number('kube-api-burst'),
    });
    const parts: RunningComponent[] = [];
    const proxy = options.boolean('proxy')
      ? await startProxy({ config, client, logger, metrics, health: new HealthRegistry(), signal })
      : undefined;
    parts.push(...(proxy?.parts ?? []));
    parts.push(await startKubelet({ config, client, logger, metrics, health, signal, isolate: proxy?.isolate }));
    if (options.boolean('rotate-certificates')) {
      rotateCertificate(client, bootstrap).catch((error) => logger.error('Certificate rotation ended', { error }));
    }
    return {
      async stop() {
        await Promise.all(parts.map((part) => part.stop()));
        await operational?.close();
        client.close();
      },
    };
  },
});
