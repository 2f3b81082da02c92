import type { ExtraFlags } from '../cluster/extra-config.js';
import type { NodeLayout } from '../cluster/layout.js';
import type { NetworkModes } from '../cluster/network-modes.js';
import type { ProcessSpec } from '../process/daemon.js';
import { httpOk } from '../process/health-probe.js';
import { succeeds } from '../process/run.js';
import { nodeCommand } from './node-command.js';
import { podResolvConf } from './resolv-conf.js';

export interface NodeAgentOptions extends NetworkModes {
  node: NodeLayout;
  nodeName: string;
  nodeIp: string;
  podCidr: string;
  clusterDns: string;
  clusterDomain: string;
  cgroupRoot: string;
  criEndpoint?: string;
  extraFlags: ExtraFlags;
  /** Command that leads into the network of a lab's node. */
  enter?: string[] | undefined;
}

export const nodeAgentName = 'kubelet';

const health = 'http://127.0.0.1:10248/healthz';

/** Where the runtime looks for the pod network's configuration: our shim in our own folder, others in CNI's. */
export function cniConfDirOf(node: NodeLayout, { criEndpoint }: { criEndpoint?: string }): string {
  return criEndpoint ? '/etc/cni/net.d' : node.cniConfDir;
}

/** kubelet, kube-proxy and the pod network of one node, in one process. */
export function nodeAgentProcess(options: NodeAgentOptions): ProcessSpec {
  const { node, enter } = options;
  return {
    name: nodeAgentName,
    runDir: node.runDir,
    logFile: `${node.logDir}/kubelet.log`,
    command: nodeCommand('kubelet', {
      'bootstrap-kubeconfig': node.bootstrapKubeconfig,
      'cert-dir': `${node.stateDir}/kubelet/pki`,
      'cgroup-root': options.cgroupRoot,
      'client-ca-file': node.caFile,
      'cluster-cidr': options.podCidr,
      'cluster-dns': options.clusterDns,
      'cluster-domain': options.clusterDomain,
      'cni-conf-dir': cniConfDirOf(node, options),
      'container-runtime-endpoint': options.criEndpoint ?? `unix://${node.criSocket}`,
      'hostname-override': options.nodeName,
      kubeconfig: node.kubeconfig,
      'node-ip': options.nodeIp,
      'pod-manifest-path': `${node.etcDir}/manifests`,
      'proxy-mode': options.proxyMode,
      'resolv-conf': podResolvConf(),
      'root-dir': `${node.stateDir}/kubelet`,
      'route-mode': options.routeMode,
      ...options.extraFlags,
    }),
    ready: () => httpOk(health),
    live: (timeoutMs) => (enter ? answersIn(enter, health, timeoutMs) : httpOk(health, timeoutMs)),
    readyTimeoutMs: 180_000,
  };
}

/** Whether a URL of a lab node's own loopback answers 200. */
function answersIn(enter: string[], url: string, timeoutMs: number): Promise<boolean> {
  return succeeds([...enter, 'curl', '-sf', '-o', '/dev/null', '--max-time', String(timeoutMs / 1000), url]);
}
