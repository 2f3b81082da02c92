import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { OptionError, parseOptions } from '@kubelab/component-base';
import { useConfiguration } from './configuration.js';
import { type ProxyFlags, proxyFlags } from './options.js';
import { flagSpecs } from './specs.js';

const folder = mkdtempSync(join(tmpdir(), 'kube-proxy-flags-'));
after(() => rmSync(folder, { recursive: true }));

const flags = (...argv: string[]): ProxyFlags => proxyFlags(parseOptions('kube-proxy', flagSpecs, argv));
function configured(yaml: string, ...argv: string[]) {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, yaml);
  const used = useConfiguration([`--config=${file}`, ...argv]);
  return { ignored: used.ignored, argv: used.argv, flags: flags(...used.argv) };
}
const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';
const refused = (run: () => unknown, message: RegExp) =>
  assert.throws(run, (e: unknown) => e instanceof OptionError && message.test(e.message));

test("defaults are kube-proxy's", () => {
  const f = flags();
  assert.equal(f.proxy.mode, 'iptables');
  assert.deepEqual(f.proxy.healthz, { address: '0.0.0.0', port: 10256 });
  assert.deepEqual(f.metricsServer, { address: '127.0.0.1', port: 10249 });
  assert.equal(f.proxy.masqueradeBit, 14);
  assert.equal(f.conntrack.tcpEstablished, 86400);
  assert.equal(f.conntrack.mayLower, false);
  assert.equal(f.bindAddress, undefined);
  assert.equal(f.oomScoreAdj, -999);
});

test('how local traffic is told', () => {
  assert.deepEqual(flags('--cluster-cidr=10.244.0.0/16,fd00::/56').proxy.clusterCidrs, ['10.244.0.0/16', 'fd00::/56']);
  const bridge = flags(
    '--detect-local-mode=BridgeInterface',
    '--pod-bridge-interface=cni0',
    '--cluster-cidr=10.0.0.0/8',
  );
  assert.equal(bridge.proxy.localInterface, 'cni0');
  assert.deepEqual(bridge.proxy.clusterCidrs, []);
  const prefix = flags('--detect-local-mode=InterfaceNamePrefix', '--pod-interface-name-prefix=veth');
  assert.equal(prefix.proxy.localInterface, 'veth+');
});

test('bad and unsupported values are refused by name', () => {
  refused(() => flags('--detect-local-mode=BridgeInterface'), /--pod-bridge-interface is required/);
  refused(() => flags('--detect-local-mode=X'), /--detect-local-mode: "X" is none of ClusterCIDR/);
  refused(() => flags('--proxy-mode=userspace'), /--proxy-mode: "userspace"/);
  refused(() => flags('--feature-gates=NoSuch=true'), /unrecognized feature gate: NoSuch/);
  refused(() => flags('--feature-gates=TopologyAwareHints=false'), /locked to true/);
  refused(() => flags('--profiling'), /--profiling is not supported/);
  refused(() => flags('--write-config-to=x'), /--write-config-to is not supported/);
  refused(() => flags('--kube-api-content-type=application/vnd.kubernetes.protobuf'), /--kube-api-content-type/);
  refused(() => flags('--nodeport-addresses=1.2.3.4'), /--nodeport-addresses: "1.2.3.4"/);
  refused(() => flags('--bind-address=here'), /--bind-address: "here" is not an address/);
  refused(() => flags('--iptables-masquerade-bit=32'), /--iptables-masquerade-bit/);
  refused(() => flags('--conntrack-min=-1'), /--conntrack-min/);
  refused(() => flags('--iptables-sync-period=0s'), /--iptables-sync-period/);
  refused(() => flags('--healthz-bind-address=here'), /--healthz-bind-address/);
});

/** As kubeadm writes it. */
const kubeadm = `${head}bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 0
  contentType: ""
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack:
  maxPerCore: null
  min: null
  tcpBeLiberal: false
  tcpCloseWaitTimeout: null
  tcpEstablishedTimeout: null
  udpStreamTimeout: 0s
  udpTimeout: 0s
detectLocal:
  bridgeInterface: ""
  interfaceNamePrefix: ""
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables:
  localhostNodePorts: null
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 0s
  scheduler: ""
  strictARP: false
  syncPeriod: 0s
  tcpFinTimeout: 0s
  tcpTimeout: 0s
  udpTimeout: 0s
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
metricsBindAddress: ""
mode: ""
nftables:
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel:
  enableDSR: false
  forwardHealthCheckVip: false
  networkName: ""
  rootHnsEndpointName: ""
  sourceVip: ""
`;

test("a KubeProxyConfiguration as kubeadm's", () => {
  const { flags: f, ignored } = configured(kubeadm, '--hostname-override', 'node1', '--proxy-mode=nftables');
  assert.deepEqual(f.proxy.clusterCidrs, ['10.244.0.0/16']);
  assert.equal(f.proxy.mode, 'iptables');
  assert.equal(f.proxy.syncPeriodMs, 30_000);
  assert.equal(f.conntrack.mayLower, false);
  assert.deepEqual(ignored, ['--proxy-mode'], 'flags beside a file do not count');
});

test('a configuration with values', () => {
  const { flags: f, argv } = configured(`${head}mode: ipvs
featureGates: { TopologyAwareHints: true }
hostnameOverride: n1
detectLocalMode: InterfaceNamePrefix
detectLocal: { interfaceNamePrefix: cali }
nodePortAddresses: [primary]
iptables: { masqueradeBit: 3 }
ipvs: { scheduler: lc, strictARP: true, tcpTimeout: 15m, excludeCIDRs: [10.1.0.0/16] }
conntrack: { maxPerCore: 0, tcpEstablishedTimeout: 1h30m, tcpBeLiberal: true }
healthzBindAddress: 127.0.0.1
`);
  assert.equal(f.proxy.mode, 'ipvs');
  assert.equal(f.proxy.ipvs?.scheduler, 'lc');
  assert.equal(f.proxy.ipvs?.strictArp, true);
  assert.equal(f.proxy.ipvs?.tcpTimeout, 900);
  assert.equal(f.proxy.localInterface, 'cali+');
  assert.deepEqual(f.proxy.nodePortAddresses, ['primary']);
  assert.deepEqual(f.proxy.healthz, { address: '127.0.0.1', port: 10256 });
  assert.deepEqual([f.conntrack.maxPerCore, f.conntrack.tcpEstablished, f.conntrack.tcpBeLiberal], [0, 5400, true]);
  assert.ok(argv.includes('--hostname-override=n1'));
  assert.ok(!argv.some((a) => a.startsWith('--iptables-masquerade-bit')), 'the other mode says nothing');
});

test('fields that are unknown or not supported are refused by name', () => {
  refused(() => configured(`${head}clusterCidr: 10.0.0.0/8\n`), /unknown field "clusterCidr"/);
  refused(() => configured(`${head}conntrack: { max: 1 }\n`), /unknown field "conntrack.max"/);
  refused(() => configured(`${head}winkernel: { networkName: x }\n`), /winkernel.networkName is not supported/);
  refused(() => configured(`${head}portRange: 1000-2000\n`), /portRange is not supported/);
  refused(() => configured(`${head}enableProfiling: true\n`), /--profiling is not supported/);
  refused(() => configured(head.replace('v1alpha1', 'v1')), /no kind "KubeProxyConfiguration" in version/);
});

test('a file of flag names stays one', () => {
  const file = join(folder, 'flags.yaml');
  writeFileSync(file, 'cluster-cidr: 10.0.0.0/8\n');
  const { argv } = useConfiguration(['--config', file]);
  assert.deepEqual(flags(...argv).proxy.clusterCidrs, ['10.0.0.0/8']);
});
