import type { NodeLayout } from '../cluster/layout.js';
import type { ProcessSpec } from '../process/daemon.js';
import { http2Ok } from '../process/health-probe.js';
import { nodeCommand } from './node-command.js';

export interface CriDockerOptions {
  node: NodeLayout;
  dockerSocket: string;
}

export function criDockerProcess({ node, dockerSocket }: CriDockerOptions): ProcessSpec {
  return {
    name: 'cri-docker',
    runDir: node.runDir,
    logFile: `${node.logDir}/cri-docker.log`,
    command: nodeCommand('cri-docker', {
      'cni-bin-dir': '/usr/lib/cni,/opt/cni/bin',
      'cni-cache-dir': `${node.stateDir}/cni/cache`,
      'cni-conf-dir': node.cniConfDir,
      'container-runtime-endpoint': `unix://${node.criSocket}`,
      'docker-endpoint': `unix://${dockerSocket}`,
      'pod-infra-container-image': 'kubelab/pause:1',
      'state-dir': `${node.stateDir}/cri-docker`,
      'streaming-address': '127.0.0.1:0',
    }),
    ready: () => http2Ok(node.criSocket),
    live: (timeoutMs) => http2Ok(node.criSocket, timeoutMs),
  };
}
