import { readFileSync } from 'node:fs';
import { OptionError } from '@kubelab/component-base';
import { parse } from 'yaml';

const group = 'kubeproxy.config.k8s.io/';
const version = `${group}v1alpha1`;

/**
 * Fields of a KubeProxyConfiguration and the flags they are. Values that mean "default" there (null, empty; for some
 * also 0) are left out. A field that is no flag is refused unless its value is one of those.
 */
const fields: Record<string, string | { flag: string; zeroIsDefault: true } | undefined> = {
  'clientConnection.kubeconfig': 'kubeconfig',
  'clientConnection.contentType': 'kube-api-content-type',
  'clientConnection.acceptContentTypes': undefined,
  'clientConnection.qps': { flag: 'kube-api-qps', zeroIsDefault: true },
  'clientConnection.burst': { flag: 'kube-api-burst', zeroIsDefault: true },
  'logging.format': 'logging-format',
  'logging.verbosity': 'v',
  'logging.flushFrequency': undefined,
  'logging.vmodule': undefined,
  'logging.options.json.infoBufferSize': undefined,
  'logging.options.json.splitStream': undefined,
  'logging.options.text.infoBufferSize': undefined,
  'logging.options.text.splitStream': undefined,
  hostnameOverride: 'hostname-override',
  bindAddress: 'bind-address',
  bindAddressHardFail: 'bind-address-hard-fail',
  healthzBindAddress: 'healthz-bind-address',
  metricsBindAddress: 'metrics-bind-address',
  enableProfiling: 'profiling',
  showHiddenMetricsForVersion: 'show-hidden-metrics-for-version',
  mode: 'proxy-mode',
  'iptables.masqueradeBit': 'iptables-masquerade-bit',
  'iptables.masqueradeAll': 'masquerade-all',
  'iptables.localhostNodePorts': 'iptables-localhost-nodeports',
  'iptables.syncPeriod': { flag: 'iptables-sync-period', zeroIsDefault: true },
  'iptables.minSyncPeriod': { flag: 'iptables-min-sync-period', zeroIsDefault: true },
  'nftables.masqueradeBit': 'iptables-masquerade-bit',
  'nftables.masqueradeAll': 'masquerade-all',
  'nftables.syncPeriod': { flag: 'iptables-sync-period', zeroIsDefault: true },
  'nftables.minSyncPeriod': { flag: 'iptables-min-sync-period', zeroIsDefault: true },
  'ipvs.scheduler': 'ipvs-scheduler',
  'ipvs.excludeCIDRs': 'ipvs-exclude-cidrs',
  'ipvs.strictARP': 'ipvs-strict-arp',
  'ipvs.tcpTimeout': 'ipvs-tcp-timeout',
  'ipvs.tcpFinTimeout': 'ipvs-tcpfin-timeout',
  'ipvs.udpTimeout': 'ipvs-udp-timeout',
  'ipvs.syncPeriod': { flag: 'ipvs-sync-period', zeroIsDefault: true },
  'ipvs.minSyncPeriod': { flag: 'ipvs-min-sync-period', zeroIsDefault: true },
  'winkernel.networkName': undefined,
  'winkernel.sourceVip': undefined,
  'winkernel.enableDSR': undefined,
  'winkernel.rootHnsEndpointName': undefined,
  'winkernel.forwardHealthCheckVip': undefined,
  detectLocalMode: 'detect-local-mode',
  'detectLocal.bridgeInterface': 'pod-bridge-interface',
  'detectLocal.interfaceNamePrefix': 'pod-interface-name-prefix',
  clusterCIDR: 'cluster-cidr',
  nodePortAddresses: 'nodeport-addresses',
  oomScoreAdj: 'oom-score-adj',
  'conntrack.maxPerCore': 'conntrack-max-per-core',
  'conntrack.min': 'conntrack-min',
  'conntrack.tcpEstablishedTimeout': 'conntrack-tcp-timeout-established',
  'conntrack.tcpCloseWaitTimeout': 'conntrack-tcp-timeout-close-wait',
  'conntrack.tcpBeLiberal': 'conntrack-tcp-be-liberal',
  'conntrack.udpTimeout': 'conntrack-udp-timeout',
  'conntrack.udpStreamTimeout': 'conntrack-udp-timeout-stream',
  configSyncPeriod: { flag: 'config-sync-period', zeroIsDefault: true },
  portRange: undefined,
  windowsRunAsService: undefined,
};

/** Sections of the mode that is not in use say nothing. */
const modeSections = ['iptables', 'nftables', 'ipvs'];

/** Flags that count beside a configuration file, as for kube-proxy; all others are ignored. */
const besideFile = ['hostname-override', 'cleanup', 'init-only', 'v', 'logging-format', 'help', 'version'];

export interface Arguments {
  argv: string[];
  /** Flags given that do not count, since a KubeProxyConfiguration is given. */
  ignored: string[];
}

/**
 * kube-proxy's --config names a KubeProxyConfiguration, every other process's --config a file of flag names. Both work
 * here: the former is turned into flags. Throws an OptionError for a field that is unknown or not supported.
 */
export function useConfiguration(argv: readonly string[]): Arguments {
  const file = fileOf(argv);
  const content = file === undefined ? undefined : read(file);
  if (content === undefined) return { argv: [...argv], ignored: [] };
  if (content.apiVersion !== version || content.kind !== 'KubeProxyConfiguration') {
    throw new OptionError(
      `--config ${file}: no kind "${content.kind}" in version "${content.apiVersion}", use ${version}`,
    );
  }
  const kept: string[] = [];
  const ignored: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? '';
    const next = argv[i + 1];
    const isPair = !arg.includes('=') && next !== undefined && !next.startsWith('-');
    const name = arg.replace(/^--?/, '').replace(/=.*/, '');
    if (besideFile.includes(name)) kept.push(arg, ...(isPair ? [next] : []));
    else if (name !== 'config') ignored.push(`--${name}`);
    if (isPair) i++;
  }
  return { argv: [...configurationFlags(content, file ?? ''), ...kept], ignored };
}

/** The flags that a KubeProxyConfiguration stands for. */
export function configurationFlags(content: Record<string, unknown>, file: string): string[] {
  const flags: string[] = [];
  const { apiVersion: _version, kind: _kind, featureGates, ...rest } = content;
  const gates = Object.entries((featureGates ?? {}) as Record<string, unknown>);
  if (gates.length > 0) flags.push(`--feature-gates=${gates.map(([name, on]) => `${name}=${on}`).join(',')}`);
  const mode = rest.mode || 'iptables';
  const walk = (path: string, value: unknown) => {
    if (modeSections.includes(path.split('.')[0] ?? '') && path.split('.')[0] !== mode) return;
    if (path in fields) {
      const flag = flagOf(path, value, file);
      if (flag !== undefined) flags.push(flag);
    } else if (value !== null && typeof value === 'object' && !Array.isArray(value) && isSection(path)) {
      for (const [name, v] of Object.entries(value)) walk(path === '' ? name : `${path}.${name}`, v);
    } else if (value !== null || !isSection(path)) throw new OptionError(`--config ${file}: unknown field "${path}"`);
  };
  walk('', rest);
  return flags;
}

const isSection = (path: string) => path === '' || Object.keys(fields).some((f) => f.startsWith(`${path}.`));

function flagOf(path: string, value: unknown, file: string): string | undefined {
  const field = fields[path];
  const isEmpty = value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return undefined;
  const isZero = value === 0 || value === '0' || /^0[a-z]*$/.test(String(value));
  if (field === undefined) {
    if (isZero || value === false || path === 'logging.flushFrequency') return undefined;
    throw new OptionError(`--config ${file}: ${path} is not supported`);
  }
  if (typeof field === 'object') return isZero ? undefined : `--${field.flag}=${String(value)}`;
  return `--${field}=${Array.isArray(value) ? value.join(',') : String(value)}`;
}

function fileOf(argv: readonly string[]): string | undefined {
  for (const [i, arg] of argv.entries()) {
    if (/^--?config$/.test(arg)) return argv[i + 1];
    const file = /^--?config=(.*)$/.exec(arg)?.[1];
    if (file) return file;
  }
  return undefined;
}

/** The file's content if it is a configuration of kube-proxy's group; what can't be read is left to the flag parser. */
function read(file: string): Record<string, unknown> | undefined {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
  if (content === null || typeof content !== 'object' || !('apiVersion' in content)) return undefined;
  return content as Record<string, unknown>;
}
