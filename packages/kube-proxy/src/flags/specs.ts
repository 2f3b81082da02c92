import type { OptionSpecs } from '@kubelab/component-base';
import { ipvsOptionSpecs } from '../ipvs/flags.js';

/** kube-proxy's flags, and a few of our own (node-ip, iptables-backend, verify-period). */
export const flagSpecs: OptionSpecs = {
  kubeconfig: { type: 'string', description: 'How to reach the API server; in a pod, the service account by default' },
  master: { type: 'string', description: "API server's URL instead of the kubeconfig's" },
  'kube-api-qps': { type: 'number', default: 0, description: 'Requests to the API server a second; 0: no limit' },
  'kube-api-burst': { type: 'number', default: 0, description: 'Requests at once above kube-api-qps' },
  'kube-api-content-type': { type: 'string', default: 'application/json', description: 'application/json alone' },
  'hostname-override': { type: 'string', description: "This node's name; default the host name" },
  'node-ip': {
    type: 'string[]',
    default: [],
    description: "This node's addresses, one a family; default from its Node object",
  },
  'bind-address': {
    type: 'string',
    default: '0.0.0.0',
    description: "This node's address, unless it is 0.0.0.0 or ::",
  },
  'bind-address-hard-fail': {
    type: 'boolean',
    default: false,
    description: 'End if a health or metrics port cannot be bound; otherwise it is tried again',
  },
  'cluster-cidr': {
    type: 'string',
    description: 'Pod networks, comma separated, one a family; traffic from elsewhere to cluster IPs is masqueraded',
  },
  'detect-local-mode': {
    type: 'string',
    default: 'ClusterCIDR',
    description: "How pods' traffic is told: ClusterCIDR, NodeCIDR, BridgeInterface, InterfaceNamePrefix",
  },
  'pod-bridge-interface': { type: 'string', description: 'Bridge of the pods, for detect-local-mode BridgeInterface' },
  'pod-interface-name-prefix': {
    type: 'string',
    description: "Beginning of the names of pods' interfaces, for detect-local-mode InterfaceNamePrefix",
  },
  'proxy-mode': {
    type: 'string',
    default: 'iptables',
    description:
      'iptables, nftables (constant lookup and update time), or ipvs (needs the kernel module ip_vs, and ipvsadm)',
  },
  ...ipvsOptionSpecs,
  'iptables-backend': { type: 'string', default: 'auto', description: 'auto, nft or legacy' },
  'masquerade-all': { type: 'boolean', default: false, description: 'Masquerade all traffic to cluster IPs' },
  'iptables-masquerade-bit': {
    type: 'number',
    default: 14,
    description: 'Bit of the packet mark that asks for masquerading',
  },
  'iptables-localhost-nodeports': {
    type: 'boolean',
    default: true,
    description: 'Node ports answer on 127.0.0.1 (sets route_localnet)',
  },
  'nodeport-addresses': {
    type: 'string[]',
    default: [],
    description:
      'CIDRs of the addresses on which node ports answer, or "primary"; default all, in nftables mode primary',
  },
  'iptables-min-sync-period': {
    type: 'duration',
    default: '100ms',
    description: 'Shortest time between two changes of the rules',
  },
  'iptables-sync-period': { type: 'duration', default: '30s', description: 'Interval of the look for foreign flushes' },
  'verify-period': {
    type: 'duration',
    default: '15m',
    description: 'Interval of the comparison of all rules with the kernel, 0 for never',
  },
  'config-sync-period': {
    type: 'duration',
    default: '15m',
    description: 'Accepted for compatibility: changes are watched, nothing is read again at intervals',
  },
  'conntrack-max-per-core': {
    type: 'number',
    default: 32768,
    description: 'Tracked flows a core; 0: as it is. By default a higher limit of the machine is left',
  },
  'conntrack-min': { type: 'number', default: 131072, description: 'Tracked flows at least' },
  'conntrack-tcp-timeout-established': {
    type: 'duration',
    default: '24h',
    description: 'Time of idle TCP connections; 0: as it is',
  },
  'conntrack-tcp-timeout-close-wait': {
    type: 'duration',
    default: '1h',
    description: 'Time of TCP connections in CLOSE_WAIT; 0: as it is',
  },
  'conntrack-tcp-be-liberal': {
    type: 'boolean',
    default: false,
    description: 'Sets nf_conntrack_tcp_be_liberal: packets outside of the window are not invalid',
  },
  'conntrack-udp-timeout': {
    type: 'duration',
    default: '0s',
    description: 'Time of UDP flows without an answer; 0: as it is',
  },
  'conntrack-udp-timeout-stream': {
    type: 'duration',
    default: '0s',
    description: 'Time of answered UDP flows; 0: as it is',
  },
  'oom-score-adj': { type: 'number', default: -999, description: 'oom_score_adj of this process, -1000 to 1000' },
  'feature-gates': { type: 'string[]', default: [], description: 'Name=true pairs of kube-proxy 1.33' },
  'healthz-bind-address': {
    type: 'string',
    default: '0.0.0.0:10256',
    description: 'Health for load balancers; empty for none',
  },
  'metrics-bind-address': { type: 'string', default: '127.0.0.1:10249', description: 'Metrics; empty for none' },
  'init-only': { type: 'boolean', default: false, description: 'Set what needs root (sysctls) and exit' },
  cleanup: { type: 'boolean', default: false, description: 'Remove all rules of the proxy and exit' },
  // Refused unless they ask for what is so anyway.
  profiling: { type: 'boolean', default: false, description: 'Not supported: must be false' },
  'show-hidden-metrics-for-version': { type: 'string', description: 'Not supported: must be empty' },
  'write-config-to': { type: 'string', description: 'Not supported: must be empty' },
};
