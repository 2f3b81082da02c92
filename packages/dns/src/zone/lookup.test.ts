import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSlice, V1Service } from '@kubelab/api';
import type { Answer } from 'dns-packet';
import { ClusterZone } from './lookup.js';
import { ClusterState } from './state.js';

// The Kubernetes DNS specification 1.1, clause by clause, and where it is silent CoreDNS' kubernetes plugin.

const svc = (name: string, spec: V1Service['spec'], namespace = 'default'): V1Service => ({
  metadata: { name, namespace },
  ...(spec ? { spec } : {}),
});
const slice = (
  service: string,
  addressType: string,
  ports: V1EndpointSlice['ports'],
  endpoints: V1EndpointSlice['endpoints'],
): V1EndpointSlice => ({
  addressType,
  metadata: {
    name: `${service}-${addressType}-${ports?.[0]?.name ?? ''}`,
    namespace: 'default',
    labels: { 'kubernetes.io/service-name': service },
  },
  ...(ports ? { ports } : {}),
  endpoints,
});
const ready = (ip: string, hostname?: string) => ({
  addresses: [ip],
  ...(hostname ? { hostname } : {}),
  conditions: { ready: true },
});

function cluster(): { zone: ClusterZone; state: ClusterState } {
  const s = new ClusterState();
  for (const n of ['default', 'kube-system', 'empty']) s.setNamespace(n, true);
  s.setService(
    svc('kubernetes', { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{ name: 'https', port: 443 }] }),
  );
  const dnsPorts = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  s.setService(svc('kube-dns', { clusterIP: '10.96.0.10', ports: dnsPorts }, 'kube-system'));
  s.setService(
    svc('dual', {
      clusterIP: '10.96.0.3',
      clusterIPs: ['10.96.0.3', 'fd00:96::3'],
      ports: [{ port: 80 }, { name: 'Metrics', port: 9 }],
    }),
  );
  s.setService(svc('ext', { type: 'ExternalName', externalName: 'www.Example.com.' }));
  s.setService(svc('digits', { type: 'ExternalName', externalName: '192.0.2.9' }));
  s.setService(svc('db', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] }));
  s.setService(svc('none', { clusterIP: 'None', ports: [{ name: 'x', port: 1 }] }));
  s.setService(svc('portless', { clusterIP: 'None' }));
  const sql = [{ name: 'sql', port: 5432, protocol: 'TCP' }];
  s.setSlice(
    slice('db', 'IPv4', sql, [
      ready('10.244.1.5', 'db-0'),
      ready('10.244.2.6'),
      { addresses: ['10.244.2.7'], hostname: 'db-2', conditions: { ready: false, serving: true, terminating: true } },
      // Not known: as ready.
      { addresses: ['10.244.2.8'], hostname: 'DB-3' },
    ]),
  );
  s.setSlice(slice('db', 'IPv6', sql, [ready('fd00:244::5', 'db-0'), ready('fd00:244::')]));
  s.setSlice(slice('dual', 'IPv4', [{ name: '', port: 8080 }], [ready('10.244.1.9')]));
  // The same endpoint in two slices, of different target ports.
  s.setSlice(slice('dual', 'IPv4', [{ name: 'metrics', port: 99 }], [ready('10.244.1.9')]));
  s.setSlice(slice('portless', 'IPv4', undefined, [ready('10.244.3.1')]));
  return { state: s, zone: new ClusterZone(s, { domain: 'cluster.local', ttl: 30 }) };
}

const show = (a: Answer): string => {
  if (a.type === 'SRV') return `SRV ${a.data.priority} ${a.data.weight} ${a.data.port} ${a.data.target}`;
  return 'data' in a ? `${a.type} ${String(a.data)}` : a.type;
};

const NODATA = 'NODATA';
const NXDOMAIN = 'NXDOMAIN';
const ELSEWHERE = undefined;
const z = 'cluster.local';
const d = `default.svc.${z}`;
const ip6 = (nibbles: string) => `${nibbles.split('').join('.')}.ip6.arpa`;

const table: Record<string, [name: string, type: string, expected: string[] | string | undefined][]> = {
  '2.2 schema version': [
    [`dns-version.${z}`, 'TXT', ['TXT 1.1.0']],
    [`dns-version.${z}`, 'A', NODATA],
    [`kubernetes.${d}`, 'TXT', NODATA],
    [`missing.${d}`, 'TXT', NXDOMAIN],
  ],
  '2.3.1 cluster IP': [
    [`kubernetes.${d}`, 'A', ['A 10.96.0.1']],
    [`kubernetes.${d}`, 'AAAA', NODATA],
    [`kubernetes.${d}`, 'MX', NODATA],
    [`kubernetes.${d}`, 'SOA', NODATA],
    [`kubernetes.${d}`, 'CNAME', NODATA],
    [`kubernetes.${d}`, 'NS', NODATA],
    [`kubernetes.${d}`, 'ANY', ['A 10.96.0.1']],
    [`dual.${d}`, 'A', ['A 10.96.0.3']],
    [`dual.${d}`, 'AAAA', ['AAAA fd00:96::3']],
    [`dual.${d}`, 'ANY', ['A 10.96.0.3', 'AAAA fd00:96::3']],
    [`missing.${d}`, 'A', NXDOMAIN],
    [`missing.${d}`, 'AAAA', NXDOMAIN],
  ],
  '2.3.2 SRV of a cluster IP': [
    [`_https._tcp.kubernetes.${d}`, 'SRV', [`SRV 0 100 443 kubernetes.${d}`]],
    [`_https._tcp.kubernetes.${d}`, 'A', NODATA],
    [`_http._tcp.kubernetes.${d}`, 'SRV', NXDOMAIN],
    [`_https._udp.kubernetes.${d}`, 'SRV', NXDOMAIN],
    [`_dns._udp.kube-dns.kube-system.svc.${z}`, 'SRV', [`SRV 0 100 53 kube-dns.kube-system.svc.${z}`]],
    [`_metrics._tcp.dual.${d}`, 'SRV', [`SRV 0 50 9 dual.${d}`]],
    // Unnamed ports have none ...
    [`_._tcp.dual.${d}`, 'SRV', NXDOMAIN],
    // ... but CoreDNS tells all ports of the Service's own name.
    [`dual.${d}`, 'SRV', [`SRV 0 25 80 dual.${d}`, `SRV 0 25 9 dual.${d}`]],
    // Empty non-terminals exist (RFC 8020).
    [`_tcp.kubernetes.${d}`, 'A', NODATA],
    [`_udp.kubernetes.${d}`, 'A', NXDOMAIN],
  ],
  '2.3.3 PTR of a cluster IP': [
    ['1.0.96.10.in-addr.arpa', 'PTR', [`PTR kubernetes.${d}`]],
    [ip6('300000000000000000000000690000df'), 'PTR', [`PTR dual.${d}`]],
    ['9.0.96.10.in-addr.arpa', 'PTR', ELSEWHERE],
    ['1.0.96.10.in-addr.arpa', 'A', ELSEWHERE],
    ['0.96.10.in-addr.arpa', 'PTR', ELSEWHERE],
    ['x.0.96.10.in-addr.arpa', 'PTR', ELSEWHERE],
    [ip6('300000000000000000000000690000d'), 'PTR', ELSEWHERE],
  ],
  '2.4.1 headless': [
    [`db.${d}`, 'A', ['A 10.244.1.5', 'A 10.244.2.6', 'A 10.244.2.8']],
    [`db.${d}`, 'AAAA', ['AAAA fd00:244::', 'AAAA fd00:244::5']],
    [`db-0.db.${d}`, 'A', ['A 10.244.1.5']],
    [`db-0.db.${d}`, 'AAAA', ['AAAA fd00:244::5']],
    [`db-3.db.${d}`, 'A', ['A 10.244.2.8']],
    [`db-3.db.${d}`, 'AAAA', NODATA],
    // Not ready.
    [`db-2.db.${d}`, 'A', NXDOMAIN],
    [`10-244-2-7.db.${d}`, 'A', NXDOMAIN],
    [`10-244-2-6.db.${d}`, 'A', ['A 10.244.2.6']],
    // A label must not end with a dash.
    [`fd00-244--0.db.${d}`, 'AAAA', ['AAAA fd00:244::']],
    // It has a host name: that is its only name.
    [`10-244-1-5.db.${d}`, 'A', NXDOMAIN],
    [`bogus.db.${d}`, 'A', NXDOMAIN],
    [`x.db-0.db.${d}`, 'A', NXDOMAIN],
    [`none.${d}`, 'A', NXDOMAIN],
    [`none.${d}`, 'SRV', NXDOMAIN],
    [`portless.${d}`, 'A', ['A 10.244.3.1']],
    [`portless.${d}`, 'SRV', NODATA],
    [`10-244-3-1.portless.${d}`, 'A', ['A 10.244.3.1']],
  ],
  '2.4.2 SRV of a headless Service': [
    [
      `_sql._tcp.db.${d}`,
      'SRV',
      [
        `SRV 0 20 5432 db-0.db.${d}`,
        `SRV 0 20 5432 10-244-2-6.db.${d}`,
        `SRV 0 20 5432 db-3.db.${d}`,
        `SRV 0 20 5432 fd00-244--0.db.${d}`,
      ],
    ],
    [`db-0.db.${d}`, 'SRV', [`SRV 0 50 5432 db-0.db.${d}`]],
    [`_x._tcp.none.${d}`, 'SRV', NXDOMAIN],
  ],
  '2.4.3 PTR of endpoints': [
    ['5.1.244.10.in-addr.arpa', 'PTR', [`PTR db-0.db.${d}`]],
    ['6.2.244.10.in-addr.arpa', 'PTR', [`PTR 10-244-2-6.db.${d}`]],
    [ip6('500000000000000000000000442000df'), 'PTR', [`PTR db-0.db.${d}`]],
    ['7.2.244.10.in-addr.arpa', 'PTR', ELSEWHERE],
  ],
  'endpoints of a Service with a cluster IP have names, too': [
    [`10-244-1-9.dual.${d}`, 'A', ['A 10.244.1.9']],
    [`10-244-1-8.dual.${d}`, 'A', NXDOMAIN],
    ['9.1.244.10.in-addr.arpa', 'PTR', [`PTR 10-244-1-9.dual.${d}`]],
  ],
  '2.5 ExternalName': [
    [`ext.${d}`, 'A', ['CNAME www.example.com']],
    [`ext.${d}`, 'CNAME', ['CNAME www.example.com']],
    [`ext.${d}`, 'ANY', ['CNAME www.example.com']],
    [`sub.ext.${d}`, 'CNAME', NXDOMAIN],
    [`_x._tcp.ext.${d}`, 'SRV', NXDOMAIN],
    // Resembles an address: resolved by no DNS server (Kubernetes' documentation of ExternalName).
    [`digits.${d}`, 'A', NXDOMAIN],
    [`digits.${d}`, 'CNAME', NXDOMAIN],
  ],
  'pods by address': [
    [`10-244-1-5.default.pod.${z}`, 'A', ['A 10.244.1.5']],
    [`10-244-1-5.default.pod.${z}`, 'AAAA', NODATA],
    [`fd00-244--5.default.pod.${z}`, 'AAAA', ['AAAA fd00:244::5']],
    [`10-244-1-5.nowhere.pod.${z}`, 'A', NXDOMAIN],
    [`10-244-1-256.default.pod.${z}`, 'A', NXDOMAIN],
    [`x.default.pod.${z}`, 'A', NXDOMAIN],
    [`x.10-244-1-5.default.pod.${z}`, 'A', NXDOMAIN],
    [`default.pod.${z}`, 'A', NODATA],
    [`pod.${z}`, 'A', NODATA],
  ],
  'the tree': [
    [d, 'A', NODATA],
    [`empty.svc.${z}`, 'A', NODATA],
    [`nowhere.svc.${z}`, 'A', NXDOMAIN],
    [`nowhere.svc.${z}`, 'NS', NXDOMAIN],
    [`missing.nowhere.svc.${z}`, 'A', NXDOMAIN],
    [`svc.${z}`, 'A', NODATA],
    [`svc.${z}`, 'NS', NODATA],
    [z, 'A', NODATA],
    [z, 'NS', [`NS kube-dns.kube-system.svc.${z}`]],
    [z, 'SOA', ['SOA [object Object]']],
    [`ns.dns.${z}`, 'A', ['A 10.96.0.10']],
    [`ns.dns.${z}`, 'AAAA', NODATA],
    [`foo.${z}`, 'A', NXDOMAIN],
    [`kubernetes.default.xyz.${z}`, 'A', NXDOMAIN],
    ['www.example.com', 'A', ELSEWHERE],
    ['notcluster.local', 'A', ELSEWHERE],
    ['local', 'A', ELSEWHERE],
  ],
};

for (const [clause, cases] of Object.entries(table)) {
  test(clause, () => {
    const { zone } = cluster();
    for (const [name, type, expected] of cases) {
      const a = zone.lookup(name, type);
      const got = a && (a.rcode === 'NXDOMAIN' ? NXDOMAIN : a.answers.length === 0 ? NODATA : a.answers.map(show));
      assert.deepEqual(got, expected, `${type} ${name}`);
      for (const answer of a?.answers ?? []) assert.ok('ttl' in answer && answer.ttl === 30);
    }
  });
}

test('SRV answers carry the addresses they lead to, each once', () => {
  const additionals = (name: string) => cluster().zone.lookup(name, 'SRV')?.additionals.map(show);
  assert.deepEqual(additionals(`_https._tcp.kubernetes.${d}`), ['A 10.96.0.1']);
  assert.deepEqual(additionals(`dual.${d}`), ['A 10.96.0.3', 'AAAA fd00:96::3']);
  assert.deepEqual(additionals(`db-0.db.${d}`), ['A 10.244.1.5', 'AAAA fd00:244::5']);
});

test('the SOA of negative answers', () => {
  const { zone, state } = cluster();
  const soa = zone.soa();
  assert.ok(soa.type === 'SOA');
  assert.equal(soa.ttl, 30);
  assert.deepEqual(soa.data, {
    ...{ mname: `ns.dns.${z}`, rname: `hostmaster.${z}`, serial: state.changedAtSeconds },
    ...{ refresh: 7200, retry: 1800, expire: 86400, minimum: 30 },
  });
});

test('a cluster IP that goes from one Service to another in the other order keeps its name', () => {
  const { zone, state } = cluster();
  const before = svc('before', { clusterIP: '10.96.0.7', ports: [{ port: 80 }] });
  state.setService(before);
  state.setService(svc('after', { clusterIP: '10.96.0.7', ports: [{ port: 80 }] }));
  state.removeService(before);
  assert.deepEqual(zone.lookup('7.0.96.10.in-addr.arpa', 'PTR')?.answers.map(show), [`PTR after.${d}`]);
});

test('names go with their endpoints', () => {
  const { zone, state } = cluster();
  const before = state.generation;
  state.setSlice(slice('portless', 'IPv4', undefined, []));
  assert.equal(zone.lookup(`portless.${d}`, 'A')?.rcode, NXDOMAIN);
  assert.equal(zone.lookup('1.3.244.10.in-addr.arpa', 'PTR'), ELSEWHERE);
  assert.notEqual(state.generation, before);
});
