import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '@kubelab/apimachinery';
import { resources } from '../groups/index.js';

const metadata = { name: 'x', namespace: 'd' };
const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'w' };

/** Old objects, what is stored of them (a part), and whether they come back as they were. */
const cases: [string, Record<string, unknown>, Record<string, unknown>][] = [
  [
    'ingresses.v1beta1.extensions',
    {
      spec: {
        backend: { serviceName: 'a', servicePort: 80 },
        rules: [
          {
            host: 'h',
            http: { paths: [{ path: '/x', pathType: 'Prefix', backend: { serviceName: 'b', servicePort: 'web' } }] },
          },
        ],
      },
    },
    {
      spec: {
        defaultBackend: { service: { name: 'a', port: { number: 80 } } },
        rules: [
          {
            host: 'h',
            http: {
              paths: [{ path: '/x', pathType: 'Prefix', backend: { service: { name: 'b', port: { name: 'web' } } } }],
            },
          },
        ],
      },
    },
  ],
  [
    'horizontalpodautoscalers.v1.autoscaling',
    { spec: { maxReplicas: 3, minReplicas: 1, scaleTargetRef: reference, targetCPUUtilizationPercentage: 60 } },
    {
      spec: {
        maxReplicas: 3,
        minReplicas: 1,
        scaleTargetRef: reference,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
        ],
      },
    },
  ],
  [
    'horizontalpodautoscalers.v2beta1.autoscaling',
    {
      spec: {
        maxReplicas: 3,
        minReplicas: 1,
        scaleTargetRef: reference,
        metrics: [
          { type: 'Pods', pods: { metricName: 'qps', targetAverageValue: '5' } },
          {
            type: 'External',
            external: { metricName: 'q', metricSelector: { matchLabels: { a: 'b' } }, targetValue: '9' },
          },
        ],
      },
    },
    {
      spec: {
        maxReplicas: 3,
        minReplicas: 1,
        scaleTargetRef: reference,
        metrics: [
          { type: 'Pods', pods: { metric: { name: 'qps' }, target: { type: 'AverageValue', averageValue: '5' } } },
          {
            type: 'External',
            external: {
              metric: { name: 'q', selector: { matchLabels: { a: 'b' } } },
              target: { type: 'Value', value: '9' },
            },
          },
        ],
      },
    },
  ],
  [
    'endpointslices.v1beta1.discovery.k8s.io',
    {
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          nodeName: 'n',
          topology: { 'kubernetes.io/hostname': 'n', 'topology.kubernetes.io/zone': 'z', other: 'o' },
        },
      ],
    },
    {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'n', zone: 'z', deprecatedTopology: { other: 'o' } }],
    },
  ],
  [
    'events.v1.events.k8s.io',
    {
      regarding: { kind: 'Pod', name: 'p' },
      note: 'hello',
      reportingController: 'c',
      eventTime: '2025-01-01T00:00:00.000000Z',
    },
    {
      involvedObject: { kind: 'Pod', name: 'p' },
      message: 'hello',
      reportingComponent: 'c',
      eventTime: '2025-01-01T00:00:00.000000Z',
    },
  ],
  [
    'prioritylevelconfigurations.v1beta2.flowcontrol.apiserver.k8s.io',
    { spec: { type: 'Limited', limited: { assuredConcurrencyShares: 7, lendablePercent: 0 } } },
    { spec: { type: 'Limited', limited: { nominalConcurrencyShares: 7, lendablePercent: 0 } } },
  ],
];

describe('conversion of old versions', () => {
  for (const [gvr, old, stored] of cases) {
    it(gvr, () => {
      const [resource = '', version = '', ...group] = gvr.split('.');
      const served = resources.lookup(group.join('.'), version, resource)?.versions.find((v) => v.version === version);
      assert.ok(served?.toStorage && served.fromStorage);
      const there = served.toStorage({ metadata, ...structuredClone(old) } as unknown as KubeObject);
      for (const [name, value] of Object.entries(stored)) assert.deepEqual(there[name], value);
      const back = served.fromStorage(there);
      for (const [name, value] of Object.entries(old)) assert.deepEqual(back[name], value);
    });
  }
});
