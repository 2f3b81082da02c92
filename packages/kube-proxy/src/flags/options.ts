import { FeatureGates, type FeatureSpec, OptionError, type OptionValues } from '@kubelab/component-base';
import type { ConntrackOptions } from '../conntrack-sysctls.js';
import { ipvsOptions } from '../ipvs/flags.js';
import { familyOf, familyOfCidr } from '../model/address.js';
import { NodePortAddresses } from '../node-port-addresses.js';
import { type ProxyOptions, proxyModes } from '../options.js';

export const localModes = ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'] as const;
export type LocalMode = (typeof localModes)[number];

export interface BindAddress {
  address: string;
  port: number;
}

/** What the flags say, checked, as far as it does not depend on the node. */
export interface ProxyFlags {
  proxy: Pick<
    ProxyOptions,
    | 'mode'
    | 'backend'
    | 'ipvs'
    | 'clusterCidrs'
    | 'masqueradeAll'
    | 'masqueradeBit'
    | 'localhostNodePorts'
    | 'nodePortAddresses'
    | 'minSyncPeriodMs'
    | 'syncPeriodMs'
    | 'verifyPeriodMs'
    | 'healthz'
    | 'bindHardFail'
  > & { localInterface?: string };
  metricsServer: BindAddress | false;
  localMode: LocalMode;
  conntrack: ConntrackOptions;
  /** This node's address, if given. */
  bindAddress: string | undefined;
  oomScoreAdj: number;
}

const ga: FeatureSpec = { default: true, stage: 'GA', lockToDefault: true };
/** Gates that concern kube-proxy 1.33. Node hints (alpha there) are followed here whenever slices have them. */
const gates: Record<string, FeatureSpec> = {
  NFTablesProxyMode: ga,
  LoadBalancerIPMode: ga,
  MinimizeIPTablesRestore: ga,
  ProxyTerminatingEndpoints: ga,
  KubeProxyDrainingTerminatingNodes: ga,
  ServiceTrafficDistribution: ga,
  TopologyAwareHints: ga,
  PreferSameTrafficDistribution: { default: true, stage: 'Alpha', lockToDefault: true },
};

/** Reads and checks the flags. Throws an OptionError that names the flag. */
export function proxyFlags(o: OptionValues): ProxyFlags {
  refuseUnsupported(o);
  new FeatureGates(gates).apply(o.strings('feature-gates'));
  const mode = oneOf(o, 'proxy-mode', proxyModes);
  const localMode = oneOf(o, 'detect-local-mode', localModes);
  const clusterCidrs = o.string('cluster-cidr').split(',').filter(Boolean);
  for (const c of clusterCidrs) if (!familyOfCidr(c)) throw bad('cluster-cidr', c, 'not a CIDR');
  const bind = o.string('bind-address');
  if (!familyOf(bind)) throw bad('bind-address', bind, 'not an address');
  const bit = o.number('iptables-masquerade-bit');
  if (!Number.isInteger(bit) || bit < 0 || bit > 31) throw bad('iptables-masquerade-bit', bit, 'not within 0 and 31');
  const oomScoreAdj = o.number('oom-score-adj');
  if (Math.abs(oomScoreAdj) > 1000) throw bad('oom-score-adj', oomScoreAdj, 'not within -1000 and 1000');
  const nodePortAddresses = o.strings('nodeport-addresses');
  try {
    new NodePortAddresses(nodePortAddresses, []);
  } catch (cause) {
    throw new OptionError((cause as Error).message, { cause });
  }
  const periods = mode === 'ipvs' ? 'ipvs' : 'iptables';
  const localInterface = interfaceOf(o, localMode);
  return {
    proxy: {
      mode,
      ipvs: ipvsOptions(o),
      backend: oneOf(o, 'iptables-backend', ['auto', 'nft', 'legacy'] as const),
      clusterCidrs: localMode === 'ClusterCIDR' ? clusterCidrs : [],
      ...(localInterface === undefined ? {} : { localInterface }),
      masqueradeAll: o.boolean('masquerade-all'),
      masqueradeBit: bit,
      localhostNodePorts: o.boolean('iptables-localhost-nodeports'),
      nodePortAddresses,
      minSyncPeriodMs: o.durationMs(`${periods}-min-sync-period`),
      syncPeriodMs: positive(o, `${periods}-sync-period`),
      verifyPeriodMs: o.durationMs('verify-period'),
      healthz: address(o, 'healthz-bind-address', 10256),
      bindHardFail: o.boolean('bind-address-hard-fail'),
    },
    metricsServer: address(o, 'metrics-bind-address', 10249),
    localMode,
    conntrack: conntrackOptions(o),
    bindAddress: bind === '0.0.0.0' || bind === '::' ? undefined : bind,
    oomScoreAdj,
  };
}

function refuseUnsupported(o: OptionValues): void {
  if (o.boolean('profiling')) throw new OptionError('--profiling is not supported');
  for (const flag of ['show-hidden-metrics-for-version', 'write-config-to']) {
    if (o.optionalString(flag) !== undefined) throw new OptionError(`--${flag} is not supported`);
  }
  const type = o.string('kube-api-content-type');
  if (type !== '' && type !== 'application/json') {
    throw bad('kube-api-content-type', type, 'not supported, use application/json');
  }
  positive(o, 'config-sync-period');
}

function interfaceOf(o: OptionValues, mode: LocalMode): string | undefined {
  if (mode !== 'BridgeInterface' && mode !== 'InterfaceNamePrefix') return undefined;
  const flag = mode === 'BridgeInterface' ? 'pod-bridge-interface' : 'pod-interface-name-prefix';
  const name = o.string(flag);
  if (name === '') throw new OptionError(`--${flag} is required with --detect-local-mode=${mode}`);
  if (name.length > 15) throw bad(flag, name, 'longer than 15 characters, as no interface name is');
  return mode === 'BridgeInterface' ? name : `${name}+`;
}

function conntrackOptions(o: OptionValues): ConntrackOptions {
  const count = (flag: string) => {
    const n = o.number(flag);
    if (!Number.isInteger(n) || n < 0) throw bad(flag, n, 'not a count');
    return n;
  };
  const seconds = (flag: string) => {
    const ms = o.durationMs(flag);
    if (ms < 0) throw bad(flag, `${ms}ms`, 'negative');
    return Math.trunc(ms / 1000);
  };
  return {
    maxPerCore: count('conntrack-max-per-core'),
    min: count('conntrack-min'),
    mayLower: o.isSet('conntrack-max-per-core') || o.isSet('conntrack-min'),
    tcpEstablished: seconds('conntrack-tcp-timeout-established'),
    tcpCloseWait: seconds('conntrack-tcp-timeout-close-wait'),
    tcpBeLiberal: o.boolean('conntrack-tcp-be-liberal'),
    udp: seconds('conntrack-udp-timeout'),
    udpStream: seconds('conntrack-udp-timeout-stream'),
  };
}

function oneOf<T extends string>(o: OptionValues, flag: string, values: readonly T[]): T {
  const found = values.find((v) => v === o.string(flag));
  if (found === undefined) throw bad(flag, o.string(flag), `none of ${values.join(', ')}`);
  return found;
}

function positive(o: OptionValues, flag: string): number {
  const ms = o.durationMs(flag);
  if (ms <= 0) throw bad(flag, `${ms}ms`, 'not greater than 0');
  return ms;
}

/** `0.0.0.0:10256`, `[::]:10256`, an address alone with the default port; false for an empty value. */
function address(o: OptionValues, flag: string, defaultPort: number): BindAddress | false {
  const text = o.string(flag);
  if (text === '') return false;
  if (familyOf(text)) return { address: text, port: defaultPort };
  const m = /^\[?(.*?)\]?:(\d+)$/.exec(text);
  if (!m) throw bad(flag, text, 'not ADDRESS:PORT');
  return { address: m[1] ?? '', port: Number(m[2]) };
}

const bad = (flag: string, value: string | number, why: string) =>
  new OptionError(`--${flag}: ${JSON.stringify(value)} is ${why}`);
