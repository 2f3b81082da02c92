/** One plugin's section of a network configuration list. Keys the plugin itself defines are kept as they are. */
export interface PluginConfig {
  type: string;
  /** Capabilities the plugin declares: only these of the runtime's are handed to it, as `runtimeConfig`. */
  capabilities?: Record<string, boolean>;
  [key: string]: unknown;
}

/** A network configuration list (`*.conflist`), CNI specification 1.0, section 1. */
export interface NetworkConfigList {
  cniVersion: string;
  name: string;
  /** CHECK is never run for this network. */
  disableCheck: boolean;
  plugins: PluginConfig[];
  /** The file it was read from; empty for lists made in memory. */
  source: string;
}

export interface CniInterface {
  name: string;
  mac?: string;
  mtu?: number;
  /** The container's namespace path; absent for interfaces on the host. */
  sandbox?: string;
}

export interface CniIp {
  /** Address with prefix length, `10.244.1.5/24`. */
  address: string;
  gateway?: string;
  /** Index into the result's `interfaces`. */
  interface?: number;
}

export interface CniRoute {
  dst: string;
  gw?: string;
  mtu?: number;
}

export interface CniDns {
  nameservers?: string[];
  domain?: string;
  search?: string[];
  options?: string[];
}

/** The result of ADD in the shape of CNI 1.0, whatever version the plugins spoke. */
export interface CniResult {
  cniVersion: string;
  interfaces: CniInterface[];
  ips: CniIp[];
  routes: CniRoute[];
  dns: CniDns;
}

/** One container's attachment to the network: the runtime parameters of the specification. */
export interface CniAttachment {
  containerId: string;
  /** Path of the network namespace, `/proc/PID/ns/net` or `/run/netns/NAME`. May be empty for DEL. */
  netns: string;
  /** Interface to create in the container. Default `eth0`. */
  ifName?: string;
  /** CNI_ARGS, for example `{ K8S_POD_NAMESPACE: 'default' }`. */
  args?: Record<string, string>;
  /** Capability arguments: `portMappings`, `bandwidth`, `ipRanges`, ... */
  capabilities?: Record<string, unknown>;
}

export interface CniOptions {
  /** Where network configurations are looked for, first by file name wins. */
  confDir: string;
  /** Where plugin executables are looked for, in order. */
  binDirs: string[];
  /** Where results are kept between ADD and DEL. */
  cacheDir: string;
  /** Deadline of one plugin call. Default 120,000 ms. */
  timeoutMs?: number;
}
