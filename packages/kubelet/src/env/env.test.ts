import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aPod } from '../testing/objects.js';
import { parseResolvConf, podDns } from './dns.js';
import { expand, expandStrict } from './expand.js';
import { fieldValue, resourceValue } from './field-ref.js';
import { podHostname, sandboxHostname } from './hostname.js';
import { podHosts } from './hosts-file.js';
import { serviceVariables } from './service-env.js';

describe('expand', () => {
  const values = new Map([
    ['A', 'a'],
    ['B', '$(A)'],
    ['EMPTY', ''],
  ]);
  const cases: [string, string][] = [
    ['$(A)', 'a'],
    ['x$(A)y$(A)', 'xaya'],
    ['$(B)', '$(A)'],
    ['$(EMPTY)', ''],
    ['$(NOPE)', '$(NOPE)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$a'],
    ['$A', '$A'],
    ['$(A', '$(A'],
    ['$', '$'],
    ['cost: $5 $$', 'cost: $5 $'],
    ['', ''],
  ];
  for (const [input, want] of cases) {
    it(JSON.stringify(input), () =>
      assert.equal(
        expand(input, (name) => values.get(name)),
        want,
      ),
    );
  }
  it('is strict for sub-paths', () =>
    assert.throws(() => expandStrict('$(NOPE)', () => undefined), /missing value for "NOPE"/));
});

describe('serviceVariables', () => {
  it('follows Docker’s links', () => {
    const variables = serviceVariables({
      metadata: { name: 'my-db' },
      spec: {
        clusterIP: '10.96.0.7',
        ports: [
          { port: 80, name: 'web' },
          { port: 53, protocol: 'UDP', name: 'dns' },
        ],
      },
    });
    assert.deepEqual(variables, [
      ['MY_DB_SERVICE_HOST', '10.96.0.7'],
      ['MY_DB_SERVICE_PORT', '80'],
      ['MY_DB_SERVICE_PORT_WEB', '80'],
      ['MY_DB_SERVICE_PORT_DNS', '53'],
      ['MY_DB_PORT', 'tcp://10.96.0.7:80'],
      ['MY_DB_PORT_80_TCP', 'tcp://10.96.0.7:80'],
      ['MY_DB_PORT_80_TCP_PROTO', 'tcp'],
      ['MY_DB_PORT_80_TCP_PORT', '80'],
      ['MY_DB_PORT_80_TCP_ADDR', '10.96.0.7'],
      ['MY_DB_PORT_53_UDP', 'udp://10.96.0.7:53'],
      ['MY_DB_PORT_53_UDP_PROTO', 'udp'],
      ['MY_DB_PORT_53_UDP_PORT', '53'],
      ['MY_DB_PORT_53_UDP_ADDR', '10.96.0.7'],
    ]);
  });
  it('has nothing for headless ones', () =>
    assert.deepEqual(serviceVariables({ spec: { clusterIP: 'None', ports: [{ port: 1 }] } }), []));
});

describe('fieldValue', () => {
  const pod = aPod({ serviceAccountName: 'sa' }, { labels: { b: '2', a: '1"' }, annotations: { 'x.y/z': 'v' } });
  const context = { podIps: ['10.0.0.1', 'fd::1'], hostIps: ['192.0.2.1'], nodeName: 'n' };
  const cases: [string, string][] = [
    ['metadata.name', 'p'],
    ['metadata.labels', 'a="1\\""\nb="2"'],
    ["metadata.labels['b']", '2'],
    ["metadata.annotations['x.y/z']", 'v'],
    ['status.podIPs', '10.0.0.1,fd::1'],
    ['status.hostIP', '192.0.2.1'],
    ['spec.nodeName', 'n'],
    ['spec.serviceAccountName', 'sa'],
  ];
  for (const [path, want] of cases) it(path, () => assert.equal(fieldValue(pod, path, context), want));
  it('refuses others', () => assert.throws(() => fieldValue(pod, 'spec.containers', context), /unsupported fieldPath/));
});

describe('resourceValue', () => {
  const container = { name: 'c', resources: { limits: { memory: '100Mi' }, requests: { cpu: '250m' } } };
  const cases: [string, string | undefined, string][] = [
    ['limits.memory', undefined, '104857600'],
    ['limits.memory', '1Mi', '100'],
    ['limits.memory', '1Gi', '1'],
    ['requests.cpu', undefined, '1'],
    ['requests.cpu', '1m', '250'],
    ['limits.cpu', undefined, '4'],
  ];
  for (const [resource, divisor, want] of cases) {
    it(`${resource} by ${divisor ?? 1}`, () =>
      assert.equal(resourceValue(aPod(), container, { resource, divisor }, { cpu: '4' }), want));
  }
});

describe('podDns', () => {
  const host = parseResolvConf('# c\nnameserver 192.0.2.53\nsearch example.com.\noptions timeout:1\n');
  const settings = { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', host };
  it('ClusterFirst', () =>
    assert.deepEqual(podDns(aPod({ dnsPolicy: 'ClusterFirst' }), settings), {
      servers: ['10.96.0.10'],
      searches: ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com'],
      options: ['ndots:5'],
    }));
  it('ClusterFirst on the host network is the host’s', () =>
    assert.deepEqual(podDns(aPod({ dnsPolicy: 'ClusterFirst', hostNetwork: true }), settings).servers, ['192.0.2.53']));
  it('None with a configuration', () =>
    assert.deepEqual(
      podDns(
        aPod({
          dnsPolicy: 'None',
          dnsConfig: {
            nameservers: ['1.1.1.1'],
            searches: ['s'],
            options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
          },
        }),
        settings,
      ),
      { servers: ['1.1.1.1'], searches: ['s'], options: ['ndots:2', 'edns0'] },
    ));
  it('options of the pod win', () =>
    assert.deepEqual(podDns(aPod({ dnsConfig: { options: [{ name: 'ndots', value: '1' }] } }), settings).options, [
      'ndots:1',
    ]));
});

describe('names', () => {
  it('has a domain with a subdomain', () => {
    const pod = aPod({ hostname: 'h', subdomain: 'sub', setHostnameAsFQDN: true });
    assert.deepEqual(podHostname(pod, 'cluster.local'), { hostname: 'h', domain: 'sub.ns.svc.cluster.local' });
    assert.equal(sandboxHostname(pod, 'cluster.local'), 'h.sub.ns.svc.cluster.local');
  });
  it('cuts long pod names', () =>
    assert.equal(podHostname(aPod({}, { name: `${'x'.repeat(62)}-yy` }), 'd').hostname, 'x'.repeat(62)));
  it('writes the hosts file', () => {
    const text = podHosts(['10.0.0.2'], { hostname: 'h', domain: 'd' }, [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }]);
    assert.match(text, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
    assert.match(text, /10\.0\.0\.2\th\.d\th\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/);
  });
});
