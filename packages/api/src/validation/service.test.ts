import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatFieldError } from '@kubelab/apimachinery';
import { setServiceDefaults } from '../defaults/core.js';
import type { V1LoadBalancerIngress, V1ObjectMeta, V1Service, V1ServiceSpec } from '../generated/types.js';
import { keepServiceAllocations } from '../strategy/service.js';
import { validateService, validateServiceStatus, validateServiceUpdate } from './service.js';

/** A Service as it comes to validation: with defaults, and with what the allocators give. */
function given(spec: V1ServiceSpec, metadata: V1ObjectMeta = {}): V1Service {
  const service: V1Service = { metadata, spec: { ports: [{ port: 80 }], ...structuredClone(spec) } };
  setServiceDefaults(service);
  const s = service.spec as V1ServiceSpec;
  if (s.type === 'ExternalName') return service;
  s.clusterIP ??= '10.96.0.5';
  s.clusterIPs ??= [s.clusterIP];
  s.ipFamilies ??= ['IPv4'];
  s.ipFamilyPolicy ??= 'SingleStack';
  return service;
}

const ranges = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const hints = 'service.kubernetes.io/topology-aware-hints';
const mode = 'service.kubernetes.io/topology-mode';
const onlyLoadBalancers = "Forbidden: may only be used when `type` is 'LoadBalancer'";
const notExternalName = 'Forbidden: may not be set for ExternalName services';
const badCidr = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

const creations: [string, V1ServiceSpec, string[], V1ObjectMeta?][] = [
  [
    'addresses without the first one by itself',
    { clusterIP: '', clusterIPs: ['10.96.0.7'] },
    ['spec.clusterIPs: Invalid value: ["10.96.0.7"]: must be empty when `clusterIP` is not specified'],
  ],
  [
    'two first addresses',
    { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.7'] },
    ['spec.clusterIPs: Invalid value: ["10.96.0.7"]: first value must match `clusterIP`'],
  ],
  [
    'a node port of a ClusterIP',
    { ports: [{ port: 80, nodePort: 30080 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    'one port twice',
    {
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 80 },
      ],
    },
    [
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ],
  ],
  ['a trailing dot', { type: 'ExternalName', externalName: 'example.org.' }, []],
  ['the address of an ExternalName', { type: 'ExternalName', externalName: '192.0.2.1' }, []],
  [
    'addresses of an ExternalName',
    {
      type: 'ExternalName',
      externalName: 'a.b',
      clusterIP: '10.96.0.7',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    },
    [
      `spec.clusterIPs: ${notExternalName}`,
      `spec.ipFamilies: ${notExternalName}`,
      `spec.ipFamilyPolicy: ${notExternalName}`,
    ],
  ],
  [
    'a health check port of a NodePort',
    { type: 'NodePort', externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 },
    [
      "spec.healthCheckNodePort: Invalid value: 31000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  ],
  [
    'source ranges that are none',
    { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/33', ' 10.0.0.0/8 '] },
    [`spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/33": ${badCidr}`],
  ],
  [
    'source ranges of a ClusterIP',
    { loadBalancerSourceRanges: ['10.0.0.0/8', '10.1.0.0/16'] },
    [`spec.LoadBalancerSourceRanges: ${onlyLoadBalancers}`],
  ],
  [
    'source ranges by annotation',
    { type: 'LoadBalancer' },
    [`metadata.annotations[${ranges}]: Invalid value: "x": ${badCidr}`],
    { annotations: { [ranges]: '10.0.0.0/8, x' } },
  ],
  [
    'a class that is no name',
    { type: 'LoadBalancer', loadBalancerClass: 'a/b/c' },
    [
      "spec.loadBalancerClass: Invalid value: \"a/b/c\": a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ],
  ],
  ['a class of a ClusterIP', { loadBalancerClass: 'a/b' }, [`spec.loadBalancerClass: ${onlyLoadBalancers}`]],
  ['traffic close by', { trafficDistribution: 'PreferClose' }, []],
  [
    'traffic elsewhere',
    { trafficDistribution: 'Far' },
    [
      'spec.trafficDistribution: Unsupported value: "Far": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
  ],
  [
    'two annotations that disagree',
    {},
    [`metadata.annotations[${mode}]: Invalid value: "Auto": must match annotations[${hints}] when both are specified`],
    { annotations: { [mode]: 'Auto', [hints]: 'disabled' } },
  ],
];

describe('a new service', () => {
  for (const [name, spec, expected, metadata] of creations) {
    it(name, () => assert.deepEqual(validateService(given(spec, metadata)).map(formatFieldError), expected));
  }
});

const dual: V1ServiceSpec = {
  clusterIPs: ['10.96.0.5', 'fd00::5'],
  ipFamilies: ['IPv4', 'IPv6'],
  ipFamilyPolicy: 'RequireDualStack',
};
const local: V1ServiceSpec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 };

const changes: [string, V1ServiceSpec, V1ServiceSpec, string[]][] = [
  [
    'another address',
    {},
    { clusterIP: '10.96.0.6', clusterIPs: ['10.96.0.6'] },
    ['spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set'],
  ],
  [
    'headless from now on',
    {},
    { clusterIP: 'None', clusterIPs: ['None'] },
    ['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'],
  ],
  [
    'another second address',
    dual,
    { clusterIPs: ['10.96.0.5', 'fd00::6'] },
    ['spec.clusterIPs[1]: Invalid value: ["10.96.0.5","fd00::6"]: may not change once set'],
  ],
  ['a second address', {}, dual, []],
  [
    'no second address any more',
    dual,
    { clusterIPs: ['10.96.0.5'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' },
    [],
  ],
  [
    'families the other way round',
    { clusterIP: '', clusterIPs: [], ipFamilies: ['IPv4'] },
    { ipFamilies: ['IPv6'] },
    ['spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set'],
  ],
  ['an external name', {}, { type: 'ExternalName', externalName: 'a.b' }, []],
  [
    'an external name and another address',
    {},
    { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.6', clusterIPs: ['10.96.0.6'] },
    [`spec.clusterIPs: ${notExternalName}`],
  ],
  [
    'no node ports any more',
    { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] },
    { type: 'ClusterIP', ports: [{ port: 81, nodePort: 30080 }] },
    [],
  ],
  [
    'no node ports any more, but a new one',
    { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] },
    { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP', targetPort: 80, nodePort: 30081 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    'another health check port',
    local,
    { healthCheckNodePort: 31001 },
    ['spec.healthCheckNodePort: Forbidden: field is immutable'],
  ],
  [
    'a class afterwards',
    { type: 'LoadBalancer' },
    { loadBalancerClass: 'a/b' },
    ['spec.loadBalancerClass: Invalid value: "a/b": may not change once set'],
  ],
];

describe('a changed service', () => {
  for (const [name, was, change, expected] of changes) {
    it(name, () => {
      const old = given(was);
      const now = given({ ...old.spec, ...change });
      keepServiceAllocations(now, old);
      assert.deepEqual(validateServiceUpdate(now, old).map(formatFieldError), expected);
    });
  }
});

const states: [string, V1ServiceSpec, V1LoadBalancerIngress, string[]][] = [
  ['an address', local, { ip: '192.0.2.1', ipMode: 'VIP' }, []],
  [
    'an address of a ClusterIP',
    {},
    { ip: '192.0.2.1', ipMode: 'VIP' },
    ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
  ],
  [
    'a mode without an address',
    local,
    { hostname: 'a.b', ipMode: 'VIP' },
    ['status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set'],
  ],
  [
    'an address as a name',
    local,
    { hostname: '192.0.2.1' },
    ['status.loadBalancer.ingress[0].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address'],
  ],
];

describe('the status of a service', () => {
  for (const [name, spec, ingress, expected] of states) {
    it(name, () => {
      const service: V1Service = { ...given(spec), status: { loadBalancer: { ingress: [ingress] } } };
      assert.deepEqual(validateServiceStatus(service).map(formatFieldError), expected);
    });
  }
});
