import type { V1Pod, V1PodStatus } from '@kubelab/api';
import type { Registry } from '@kubelab/component-base';
import type { Pod } from '../pod/types.js';
import type { RuntimeReader } from '../runtime/reader.js';
import type { Route } from './server.js';

export interface InfoRoutesOptions {
  metrics: Registry;
  pods(): Pod[];
  status(uid: string): V1PodStatus | undefined;
  reader: RuntimeReader;
  /** The configuration as /configz shows it. */
  config(): Record<string, unknown>;
}

function json(res: import('node:http').ServerResponse, body: unknown): void {
  const text = JSON.stringify(body);
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}

/** /pods, /runningpods, /metrics and /configz. */
export function infoRoutes(options: InfoRoutesOptions): Route[] {
  return [
    {
      prefix: '/pods',
      methods: ['GET'],
      handle: (_request, res) => {
        const items: V1Pod[] = options.pods().map((pod) => ({
          ...pod,
          status: options.status(pod.metadata.uid) ?? pod.status,
        }));
        json(res, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items });
      },
    },
    {
      prefix: '/runningpods',
      methods: ['GET'],
      handle: async (_request, res) => {
        const { pods } = await options.reader.overview();
        const items = [...pods]
          .filter(([, entry]) => entry.running)
          .map(([uid, entry]) => ({
            metadata: { name: entry.name, namespace: entry.namespace, uid },
            spec: {},
            status: {},
          }));
        json(res, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items });
      },
    },
    {
      prefix: '/configz',
      methods: ['GET'],
      handle: (_request, res) => json(res, { kubeletconfig: options.config() }),
    },
    {
      prefix: '/metrics',
      methods: ['GET'],
      handle: async ({ parts }, res) => {
        if (parts.length > 0) {
          res.writeHead(404).end('404 page not found\n');
          return;
        }
        const body = await options.metrics.metrics();
        res.writeHead(200, { 'Content-Type': options.metrics.contentType });
        res.end(body);
      },
    },
  ];
}
