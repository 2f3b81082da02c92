import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { KubeProxy } from '../kube-proxy.js';
import { readTable } from '../testing/nft-table.js';
import { endpoint, service, slice } from '../testing/objects.js';
import { labProxyOptions } from '../testing/proxy-options.js';

// The whole table for some Services, against the text that makes it, read by the same nft.

const ours = `nftl${process.pid}`;
const wanted = `nftw${process.pid}`;
const stop = new AbortController();
let proxy: KubeProxy;
let running: Promise<void>;

function inNamespace(name: string, args: string[], input?: string): string {
  return execFileSync('ip', ['netns', 'exec', name, ...args], { encoding: 'utf8', input });
}

/** The table as it is, beside what these lines make (sorted so that what is named is there before). */
function compare(family: 'ip' | 'ip6', lines: string): void {
  const table = `${family} kube-proxy`;
  const kinds = ['chain', 'set', 'map', 'rule', 'element'];
  const kindOf = (line: string) => kinds.indexOf(line.split(' ')[0] ?? '');
  const script = lines
    .split('\n')
    .map((l) => l.trim())
    .filter((l) => l !== '')
    .sort((a, b) => kindOf(a) - kindOf(b))
    .map((l) => l.replace(/^(\w+) /, `add $1 ${table} `));
  inNamespace(
    wanted,
    ['nft', '-f', '-'],
    [
      `add table ${table}`,
      `delete table ${table}`,
      `add table ${table} { comment "rules for kube-proxy" ; }`,
      ...script,
    ]
      .map((l) => `${l}\n`)
      .join(''),
  );
  const [is, should] = [ours, wanted].map((ns) =>
    readTable(inNamespace(ns, ['nft', 'list', 'table', family, 'kube-proxy'])),
  );
  assert.deepEqual(is, should);
}

const fixed = (ip: 'ip' | 'ip6', type: string, range: string) => `
  chain filter-prerouting-pre-dnat { type filter hook prerouting priority -110 ; }
  chain filter-output-pre-dnat { type filter hook output priority -110 ; }
  chain filter-input { type filter hook input priority 0 ; }
  chain filter-forward { type filter hook forward priority 0 ; }
  chain filter-output { type filter hook output priority 0 ; }
  chain nat-prerouting { type nat hook prerouting priority -100 ; }
  chain nat-output { type nat hook output priority -100 ; }
  chain nat-postrouting { type nat hook postrouting priority 100 ; }
  chain nodeport-endpoints-check
  chain service-endpoints-check
  chain cluster-ips-check
  chain firewall-check
  chain services
  chain masquerading
  chain mark-for-masquerade
  chain reject-chain { comment "helper for @no-endpoint-services / @no-endpoint-nodeports" ; }
  set cluster-ips { type ${type} ; comment "Active ClusterIPs" ; }
  set nodeport-ips { type ${type} ; comment "IPs that accept NodePort traffic" ; }
  map service-ips { type ${type} . inet_proto . inet_service : verdict ; comment "ClusterIP, ExternalIP and LoadBalancer IP traffic" ; }
  map service-nodeports { type inet_proto . inet_service : verdict ; comment "NodePort traffic" ; }
  map no-endpoint-services { type ${type} . inet_proto . inet_service : verdict ; comment "vmap to drop or reject packets to services with no endpoints" ; }
  map no-endpoint-nodeports { type inet_proto . inet_service : verdict ; comment "vmap to drop or reject packets to service nodeports with no endpoints" ; }
  map firewall-ips { type ${type} . inet_proto . inet_service : verdict ; comment "destinations that are subject to LoadBalancerSourceRanges" ; }
  rule filter-prerouting-pre-dnat ct state new jump firewall-check
  rule filter-output-pre-dnat ct state new jump firewall-check
  rule filter-input ct state new jump nodeport-endpoints-check
  rule filter-input ct state new jump service-endpoints-check
  rule filter-forward ct state new jump service-endpoints-check
  rule filter-forward ct state new jump cluster-ips-check
  rule filter-output ct state new jump service-endpoints-check
  rule filter-output ct state new jump cluster-ips-check
  rule nat-prerouting jump services
  rule nat-output jump services
  rule nat-postrouting jump masquerading
  rule nodeport-endpoints-check ${ip} daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
  rule service-endpoints-check ${ip} daddr . meta l4proto . th dport vmap @no-endpoint-services
  rule cluster-ips-check ${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
  rule cluster-ips-check ${ip} daddr { ${range} } drop comment "Drop traffic to unallocated ClusterIPs"
  rule firewall-check ${ip} daddr . meta l4proto . th dport vmap @firewall-ips
  rule services ${ip} daddr . meta l4proto . th dport vmap @service-ips
  rule services ${ip} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
  rule masquerading mark and 0x4000 == 0 return
  rule masquerading mark set mark xor 0x4000
  rule masquerading masquerade fully-random
  rule mark-for-masquerade mark set mark or 0x4000
  rule reject-chain reject
`;

before(async () => {
  for (const ns of [ours, wanted]) execFileSync('ip', ['netns', 'add', ns]);
  const options = {
    mode: 'nftables',
    backend: 'nft',
    prefix: ['ip', 'netns', 'exec', ours],
    signal: stop.signal,
  } as const;
  proxy = await KubeProxy.create(labProxyOptions(options));
  proxy.setServiceCidrs(['10.96.0.0/16', 'fd00:96::/112']);
  running = proxy.run();
  await proxy.settled();
});
after(async () => {
  stop.abort();
  await proxy?.stop();
  await running;
  for (const ns of [ours, wanted]) execFileSync('ip', ['netns', 'del', ns]);
});

const nodePorts = `element nodeport-ips { 192.168.77.1 }`;
const v4 = fixed('ip', 'ipv4_addr', '10.96.0.0/16') + nodePorts;

test('without Services', () => {
  compare('ip', v4);
  compare('ip6', `${fixed('ip6', 'ipv6_addr', 'fd00:96::/112')} element nodeport-ips { fd00:77::1 }`);
});

test('cluster IPs: endpoints, an unnamed UDP port, none; IPv6', async () => {
  proxy.setService(service('front', '10.96.0.1'));
  proxy.setSlice(slice('front', [endpoint('10.244.2.11', 'node2'), endpoint('10.244.1.11', 'node1')]));
  proxy.setService(service('dns', '10.96.0.10', { ports: [{ port: 53, protocol: 'UDP' }] }));
  proxy.setSlice(slice('dns', [endpoint('10.244.1.12', 'node1')], [{ name: '', port: 8080, protocol: 'UDP' }]));
  proxy.setService(service('none', '10.96.0.11'));
  proxy.setService(service('six', 'fd00:96::1'));
  proxy.setSlice(slice('six', [endpoint('fd00:244:1::11', 'node1')]));
  await proxy.settled();
  compare(
    'ip',
    `${v4}
    element cluster-ips { 10.96.0.1, 10.96.0.10, 10.96.0.11 }
    element service-ips { 10.96.0.1 . tcp . 80 : goto service-47HOX222-default/front/tcp/http }
    element service-ips { 10.96.0.10 . udp . 53 : goto service-OIWFLQEX-default/dns/udp/ }
    element no-endpoint-services { 10.96.0.11 . tcp . 80 comment "default/none:http" : goto reject-chain }
    chain service-47HOX222-default/front/tcp/http
    rule service-47HOX222-default/front/tcp/http ip daddr 10.96.0.1 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
    rule service-47HOX222-default/front/tcp/http numgen random mod 2 vmap { 0 : goto endpoint-25O4JBIB-default/front/tcp/http__10.244.1.11/8080, 1 : goto endpoint-74Q56NCQ-default/front/tcp/http__10.244.2.11/8080 }
    chain endpoint-25O4JBIB-default/front/tcp/http__10.244.1.11/8080
    rule endpoint-25O4JBIB-default/front/tcp/http__10.244.1.11/8080 ip saddr 10.244.1.11 jump mark-for-masquerade
    rule endpoint-25O4JBIB-default/front/tcp/http__10.244.1.11/8080 meta l4proto tcp dnat to 10.244.1.11:8080
    chain endpoint-74Q56NCQ-default/front/tcp/http__10.244.2.11/8080
    rule endpoint-74Q56NCQ-default/front/tcp/http__10.244.2.11/8080 ip saddr 10.244.2.11 jump mark-for-masquerade
    rule endpoint-74Q56NCQ-default/front/tcp/http__10.244.2.11/8080 meta l4proto tcp dnat to 10.244.2.11:8080
    chain service-OIWFLQEX-default/dns/udp/
    rule service-OIWFLQEX-default/dns/udp/ ip daddr 10.96.0.10 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
    rule service-OIWFLQEX-default/dns/udp/ numgen random mod 1 vmap { 0 : goto endpoint-EEKQK32J-default/dns/udp/__10.244.1.12/8080 }
    chain endpoint-EEKQK32J-default/dns/udp/__10.244.1.12/8080
    rule endpoint-EEKQK32J-default/dns/udp/__10.244.1.12/8080 ip saddr 10.244.1.12 jump mark-for-masquerade
    rule endpoint-EEKQK32J-default/dns/udp/__10.244.1.12/8080 meta l4proto udp dnat to 10.244.1.12:8080`,
  );
  compare(
    'ip6',
    `${fixed('ip6', 'ipv6_addr', 'fd00:96::/112')} element nodeport-ips { fd00:77::1 }
    element cluster-ips { fd00:96::1 }
    element service-ips { fd00:96::1 . tcp . 80 : goto service-EZDIIOWW-default/six/tcp/http }
    chain service-EZDIIOWW-default/six/tcp/http
    rule service-EZDIIOWW-default/six/tcp/http ip6 daddr fd00:96::1 ip6 saddr != fd00:244::/32 jump mark-for-masquerade
    rule service-EZDIIOWW-default/six/tcp/http numgen random mod 1 vmap { 0 : goto endpoint-CRURSM3H-default/six/tcp/http__fd00.244.1..11/8080 }
    chain endpoint-CRURSM3H-default/six/tcp/http__fd00.244.1..11/8080
    rule endpoint-CRURSM3H-default/six/tcp/http__fd00.244.1..11/8080 ip6 saddr fd00:244:1::11 jump mark-for-masquerade
    rule endpoint-CRURSM3H-default/six/tcp/http__fd00.244.1..11/8080 meta l4proto tcp dnat to [fd00:244:1::11]:8080`,
  );
  for (const [name, ip] of [
    ['front', '10.96.0.1'],
    ['dns', '10.96.0.10'],
    ['none', '10.96.0.11'],
    ['six', 'fd00:96::1'],
  ] as const)
    proxy.removeService(service(name, ip));
  await proxy.settled();
});

test('chains of what is gone are empty at first, then they go', async () => {
  const chains = () => {
    const parts = readTable(inNamespace(ours, ['nft', 'list', 'table', 'ip', 'kube-proxy']));
    return Object.entries(parts).filter(([name]) => name.includes('/'));
  };
  assert.ok(chains().every(([, rules]) => rules.length === 0));
  const deadline = Date.now() + 60_000;
  while (chains().length > 0) {
    assert.ok(Date.now() < deadline, 'chains that nothing leads to are still there');
    await proxy.verify();
    await setTimeout(100);
  }
  compare('ip', v4);
});

test('external traffic: policies Cluster and Local, source ranges, affinity; a timeout that changes', async () => {
  const nodePort = (port: number) => [{ name: 'http', port: 80, nodePort: port }];
  const far = endpoint('10.244.2.11', 'node2');
  const near = endpoint('10.244.1.11', 'node1');
  const lb = (ip: string) => ({ loadBalancer: { ingress: [{ ip }] } });
  const external = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', externalIPs: ['192.0.2.10'] };
  proxy.setService(service('edge', '10.96.0.2', { ...external, ports: nodePort(30080) }, lb('192.0.2.20')));
  proxy.setSlice(slice('edge', [near, far]));
  proxy.setService(
    service('away', '10.96.0.3', { type: 'NodePort', externalTrafficPolicy: 'Local', ports: nodePort(30081) }),
  );
  proxy.setSlice(slice('away', [far]));
  const basket = (timeoutSeconds: number) =>
    service(
      'basket',
      '10.96.0.4',
      {
        type: 'LoadBalancer',
        internalTrafficPolicy: 'Local',
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds } },
        loadBalancerSourceRanges: ['192.168.77.0/24', '203.0.113.0/25'],
        ports: nodePort(30082),
      },
      lb('192.0.2.21'),
    );
  proxy.setService(basket(600));
  proxy.setSlice(slice('basket', [near, far]));
  await proxy.settled();
  const expected = (seconds: number) => `${v4}
    element cluster-ips { 10.96.0.2, 10.96.0.3, 10.96.0.4 }
    element service-ips { 10.96.0.2 . tcp . 80 : goto service-5KRUAEAV-default/edge/tcp/http }
    element service-ips { 192.0.2.10 . tcp . 80 : goto external-5KRUAEAV-default/edge/tcp/http }
    element service-ips { 192.0.2.20 . tcp . 80 : goto external-5KRUAEAV-default/edge/tcp/http }
    element service-nodeports { tcp . 30080 : goto external-5KRUAEAV-default/edge/tcp/http }
    chain external-5KRUAEAV-default/edge/tcp/http
    rule external-5KRUAEAV-default/edge/tcp/http ip saddr 10.244.0.0/16 goto service-5KRUAEAV-default/edge/tcp/http comment "short-circuit pod traffic"
    rule external-5KRUAEAV-default/edge/tcp/http fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"
    rule external-5KRUAEAV-default/edge/tcp/http fib saddr type local goto service-5KRUAEAV-default/edge/tcp/http comment "short-circuit local traffic"
    rule external-5KRUAEAV-default/edge/tcp/http goto local-5KRUAEAV-default/edge/tcp/http
    chain service-5KRUAEAV-default/edge/tcp/http
    rule service-5KRUAEAV-default/edge/tcp/http ip daddr 10.96.0.2 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
    rule service-5KRUAEAV-default/edge/tcp/http numgen random mod 2 vmap { 0 : goto endpoint-Q6SYZMCT-default/edge/tcp/http__10.244.1.11/8080, 1 : goto endpoint-XZSA2DQ5-default/edge/tcp/http__10.244.2.11/8080 }
    chain local-5KRUAEAV-default/edge/tcp/http
    rule local-5KRUAEAV-default/edge/tcp/http numgen random mod 1 vmap { 0 : goto endpoint-Q6SYZMCT-default/edge/tcp/http__10.244.1.11/8080 }
    chain endpoint-Q6SYZMCT-default/edge/tcp/http__10.244.1.11/8080
    rule endpoint-Q6SYZMCT-default/edge/tcp/http__10.244.1.11/8080 ip saddr 10.244.1.11 jump mark-for-masquerade
    rule endpoint-Q6SYZMCT-default/edge/tcp/http__10.244.1.11/8080 meta l4proto tcp dnat to 10.244.1.11:8080
    chain endpoint-XZSA2DQ5-default/edge/tcp/http__10.244.2.11/8080
    rule endpoint-XZSA2DQ5-default/edge/tcp/http__10.244.2.11/8080 ip saddr 10.244.2.11 jump mark-for-masquerade
    rule endpoint-XZSA2DQ5-default/edge/tcp/http__10.244.2.11/8080 meta l4proto tcp dnat to 10.244.2.11:8080

    element service-ips { 10.96.0.3 . tcp . 80 : goto service-CKDGZR4E-default/away/tcp/http }
    element service-nodeports { tcp . 30081 : goto external-CKDGZR4E-default/away/tcp/http }
    element no-endpoint-nodeports { tcp . 30081 comment "default/away:http" : drop }
    chain external-CKDGZR4E-default/away/tcp/http
    rule external-CKDGZR4E-default/away/tcp/http ip saddr 10.244.0.0/16 goto service-CKDGZR4E-default/away/tcp/http comment "short-circuit pod traffic"
    rule external-CKDGZR4E-default/away/tcp/http fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"
    rule external-CKDGZR4E-default/away/tcp/http fib saddr type local goto service-CKDGZR4E-default/away/tcp/http comment "short-circuit local traffic"
    chain service-CKDGZR4E-default/away/tcp/http
    rule service-CKDGZR4E-default/away/tcp/http ip daddr 10.96.0.3 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
    rule service-CKDGZR4E-default/away/tcp/http numgen random mod 1 vmap { 0 : goto endpoint-I6PLIEMU-default/away/tcp/http__10.244.2.11/8080 }
    chain endpoint-I6PLIEMU-default/away/tcp/http__10.244.2.11/8080
    rule endpoint-I6PLIEMU-default/away/tcp/http__10.244.2.11/8080 ip saddr 10.244.2.11 jump mark-for-masquerade
    rule endpoint-I6PLIEMU-default/away/tcp/http__10.244.2.11/8080 meta l4proto tcp dnat to 10.244.2.11:8080

    element service-ips { 10.96.0.4 . tcp . 80 : goto local-65RSHS74-default/basket/tcp/http }
    element service-ips { 192.0.2.21 . tcp . 80 : goto external-65RSHS74-default/basket/tcp/http }
    element service-nodeports { tcp . 30082 : goto external-65RSHS74-default/basket/tcp/http }
    element firewall-ips { 192.0.2.21 . tcp . 80 : goto firewall-65RSHS74-default/basket/tcp/http }
    chain firewall-65RSHS74-default/basket/tcp/http
    rule firewall-65RSHS74-default/basket/tcp/http ip saddr != { 192.168.77.0/24, 203.0.113.0/25, 192.0.2.21 } drop
    chain external-65RSHS74-default/basket/tcp/http
    rule external-65RSHS74-default/basket/tcp/http jump mark-for-masquerade
    rule external-65RSHS74-default/basket/tcp/http goto service-65RSHS74-default/basket/tcp/http
    set affinity-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080 { type ipv4_addr ; flags dynamic,timeout ; timeout ${seconds}s ; }
    set affinity-6FEBJUQY-default/basket/tcp/http__10.244.2.11/8080 { type ipv4_addr ; flags dynamic,timeout ; timeout ${seconds}s ; }
    chain service-65RSHS74-default/basket/tcp/http
    rule service-65RSHS74-default/basket/tcp/http ip saddr @affinity-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080 goto endpoint-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080
    rule service-65RSHS74-default/basket/tcp/http ip saddr @affinity-6FEBJUQY-default/basket/tcp/http__10.244.2.11/8080 goto endpoint-6FEBJUQY-default/basket/tcp/http__10.244.2.11/8080
    rule service-65RSHS74-default/basket/tcp/http numgen random mod 2 vmap { 0 : goto endpoint-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080, 1 : goto endpoint-6FEBJUQY-default/basket/tcp/http__10.244.2.11/8080 }
    chain local-65RSHS74-default/basket/tcp/http
    rule local-65RSHS74-default/basket/tcp/http ip daddr 10.96.0.4 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
    rule local-65RSHS74-default/basket/tcp/http ip saddr @affinity-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080 goto endpoint-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080
    rule local-65RSHS74-default/basket/tcp/http numgen random mod 1 vmap { 0 : goto endpoint-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080 }
    chain endpoint-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080
    rule endpoint-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080 ip saddr 10.244.1.11 jump mark-for-masquerade
    rule endpoint-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080 update @affinity-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080 { ip saddr }
    rule endpoint-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080 meta l4proto tcp dnat to 10.244.1.11:8080
    chain endpoint-6FEBJUQY-default/basket/tcp/http__10.244.2.11/8080
    rule endpoint-6FEBJUQY-default/basket/tcp/http__10.244.2.11/8080 ip saddr 10.244.2.11 jump mark-for-masquerade
    rule endpoint-6FEBJUQY-default/basket/tcp/http__10.244.2.11/8080 update @affinity-6FEBJUQY-default/basket/tcp/http__10.244.2.11/8080 { ip saddr }
    rule endpoint-6FEBJUQY-default/basket/tcp/http__10.244.2.11/8080 meta l4proto tcp dnat to 10.244.2.11:8080`;
  compare('ip', expected(600));
  proxy.setService(basket(60));
  await proxy.settled();
  compare('ip', expected(60));
});

test('clients stay with their endpoint when the table is made anew; the form of large clusters', async () => {
  const name = 'affinity-Z4LCZVMV-default/basket/tcp/http__10.244.1.11/8080';
  const table = () => readTable(inNamespace(ours, ['nft', 'list', 'table', 'ip', 'kube-proxy']));
  const clients = () => table()[`set ${name}`]?.filter((line) => line.startsWith('192.0.2.99'));
  inNamespace(ours, ['nft', 'add', 'element', 'ip', 'kube-proxy', name, '{ 192.0.2.99 timeout 1d }']);
  const filler = (n: number) =>
    slice(
      'filler',
      Array.from({ length: n }, (_, i) => endpoint(`10.245.${i >> 8}.${i & 255}`, 'node2')),
    );
  proxy.setService(service('filler', '10.96.0.99'));
  proxy.setSlice(filler(1001));
  await proxy.settled();
  assert.equal(clients()?.length, 1, 'with maps');
  const parts = table();
  assert.deepEqual(parts['chain pick-endpoints-2'], [
    'dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 2 map @endpoints',
  ]);
  assert.deepEqual(
    Object.keys(parts).filter((part) => part.startsWith('chain ') && part.includes('/') && !part.includes('/basket/')),
    [],
    'only a Service with affinity has chains of its own',
  );
  proxy.removeService(service('filler', '10.96.0.99'));
  await proxy.settled();
  assert.equal(clients()?.length, 1, 'with chains');
});

test('what another one flushes is written again', async () => {
  const table = () => readTable(inNamespace(ours, ['nft', 'list', 'table', 'ip', 'kube-proxy']));
  const before = table();
  for (const flush of [['table', 'ip', 'kube-proxy'], ['ruleset']]) {
    inNamespace(ours, ['nft', 'flush', ...flush]);
    await proxy.verify();
    await proxy.settled();
    assert.deepEqual(Object.keys(table()).sort(), Object.keys(before).sort());
    assert.deepEqual(table()['chain services'], before['chain services']);
  }
});

test('ranges of cluster IPs come, change and go', async () => {
  const check = () =>
    readTable(inNamespace(ours, ['nft', 'list', 'table', 'ip', 'kube-proxy']))['chain cluster-ips-check']?.slice(1);
  const drop = (ranges: string) => [`ip daddr ${ranges} drop comment "Drop traffic to unallocated ClusterIPs"`];
  proxy.setServiceCidrs(['fd00:96::/112', '10.98.0.0/16', '10.96.0.0/16', '10.98.0.0/16']);
  await proxy.settled();
  assert.deepEqual(check(), drop('{ 10.96.0.0/16, 10.98.0.0/16 }'));
  proxy.setServiceCidrs(['10.98.0.0/16', 'fd00:96::/112']);
  await proxy.settled();
  assert.deepEqual(check(), drop('10.98.0.0/16'));
  proxy.setServiceCidrs([]);
  await proxy.settled();
  assert.deepEqual(check(), []);
});
