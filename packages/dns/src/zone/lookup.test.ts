import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Service } from '@kubelab/api';
import type { Answer } from 'dns-packet';
import { ClusterZone } from './lookup.js';
import { ClusterState } from './state.js';

const svc = (name: string, spec: V1Service['spec'], namespace = 'default'): V1Service => ({
  metadata: { name, namespace },
  ...(spec ? { spec } : {}),
});

function cluster(): ClusterZone {
  const s = new ClusterState();
  for (const n of ['default', 'kube-system', 'empty']) s.setNamespace(n, true);
  s.setService(
    svc('kubernetes', {
      clusterIP: '10.96.0.1',
      clusterIPs: ['10.96.0.1'],
      ports: [{ name: 'https', port: 443, protocol: 'TCP' }],
    }),
  );
  s.setService(
    svc('kube-dns', { clusterIP: '10.96.0.10', ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] }, 'kube-system'),
  );
  s.setService(svc('dual', { clusterIP: '10.96.0.3', clusterIPs: ['10.96.0.3', 'fd00:96::3'], ports: [{ port: 80 }] }));
  s.setService(svc('ext', { type: 'ExternalName', externalName: 'www.Example.com.' }));
  s.setService(svc('db', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] }));
  s.setService(svc('none', { clusterIP: 'None', ports: [{ name: 'x', port: 1 }] }));
  s.setSlice({
    addressType: 'IPv4',
    metadata: { name: 'db-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
    ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    endpoints: [
      { addresses: ['10.244.1.5'], hostname: 'db-0', conditions: { ready: true } },
      { addresses: ['10.244.2.6'], conditions: { ready: true } },
      { addresses: ['10.244.2.7'], hostname: 'db-2', conditions: { ready: false } },
    ],
  });
  return new ClusterZone(s, { domain: 'cluster.local', ttl: 30 });
}

const show = (a: Answer): string => {
  if (a.type === 'SRV') return `SRV ${a.data.port} ${a.data.target}`;
  return 'data' in a ? `${a.type} ${String(a.data)}` : a.type;
};

const NODATA = 'NODATA';
const NXDOMAIN = 'NXDOMAIN';
const cases: [name: string, type: string, expected: string[] | string | undefined][] = [
  ['dns-version.cluster.local', 'TXT', ['TXT 1.1.0']],
  ['kubernetes.default.svc.cluster.local', 'A', ['A 10.96.0.1']],
  ['kubernetes.default.svc.cluster.local', 'AAAA', NODATA],
  ['kubernetes.default.svc.cluster.local', 'MX', NODATA],
  ['_https._tcp.kubernetes.default.svc.cluster.local', 'SRV', ['SRV 443 kubernetes.default.svc.cluster.local']],
  ['_https._tcp.kubernetes.default.svc.cluster.local', 'A', NODATA],
  ['_http._tcp.kubernetes.default.svc.cluster.local', 'SRV', NXDOMAIN],
  ['_tcp.kubernetes.default.svc.cluster.local', 'A', NODATA],
  ['_udp.kubernetes.default.svc.cluster.local', 'A', NXDOMAIN],
  ['_._tcp.dual.default.svc.cluster.local', 'SRV', NXDOMAIN],
  ['1.0.96.10.in-addr.arpa', 'PTR', ['PTR kubernetes.default.svc.cluster.local']],
  ['9.0.96.10.in-addr.arpa', 'PTR', undefined],
  ['dual.default.svc.cluster.local', 'A', ['A 10.96.0.3']],
  ['dual.default.svc.cluster.local', 'AAAA', ['AAAA fd00:96::3']],
  [
    '3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa',
    'PTR',
    ['PTR dual.default.svc.cluster.local'],
  ],
  ['db.default.svc.cluster.local', 'A', ['A 10.244.1.5', 'A 10.244.2.6']],
  ['db.default.svc.cluster.local', 'AAAA', NODATA],
  ['db-0.db.default.svc.cluster.local', 'A', ['A 10.244.1.5']],
  ['db-2.db.default.svc.cluster.local', 'A', NXDOMAIN],
  ['10-244-2-6.db.default.svc.cluster.local', 'A', ['A 10.244.2.6']],
  [
    '_sql._tcp.db.default.svc.cluster.local',
    'SRV',
    ['SRV 5432 db-0.db.default.svc.cluster.local', 'SRV 5432 10-244-2-6.db.default.svc.cluster.local'],
  ],
  ['5.1.244.10.in-addr.arpa', 'PTR', ['PTR db-0.db.default.svc.cluster.local']],
  ['7.2.244.10.in-addr.arpa', 'PTR', undefined],
  ['none.default.svc.cluster.local', 'A', NXDOMAIN],
  ['ext.default.svc.cluster.local', 'A', ['CNAME www.example.com']],
  ['ext.default.svc.cluster.local', 'CNAME', ['CNAME www.example.com']],
  ['10-244-1-5.default.pod.cluster.local', 'A', ['A 10.244.1.5']],
  ['10-244-1-5.nowhere.pod.cluster.local', 'A', NXDOMAIN],
  ['x.default.pod.cluster.local', 'A', NXDOMAIN],
  ['default.svc.cluster.local', 'A', NODATA],
  ['empty.svc.cluster.local', 'A', NODATA],
  ['nowhere.svc.cluster.local', 'A', NXDOMAIN],
  ['missing.default.svc.cluster.local', 'A', NXDOMAIN],
  ['svc.cluster.local', 'A', NODATA],
  ['cluster.local', 'A', NODATA],
  ['cluster.local', 'NS', ['NS ns.dns.cluster.local']],
  ['ns.dns.cluster.local', 'A', ['A 10.96.0.10']],
  ['foo.cluster.local', 'A', NXDOMAIN],
  ['www.example.com', 'A', undefined],
  ['notcluster.local', 'A', undefined],
];

for (const [name, type, expected] of cases) {
  test(`${type} ${name}`, () => {
    const a = cluster().lookup(name, type);
    const got = a && (a.rcode === 'NXDOMAIN' ? NXDOMAIN : a.answers.length === 0 ? NODATA : a.answers.map(show));
    assert.deepEqual(got, expected);
  });
}

test('SRV answers carry the addresses they lead to', () => {
  const a = cluster().lookup('_https._tcp.kubernetes.default.svc.cluster.local', 'SRV');
  assert.deepEqual(a?.additionals.map(show), ['A 10.96.0.1']);
});
