import type { OptionSpec } from '@kubelab/component-base';
import { ownPauseImage } from './pause/image.js';

export const options: Record<string, OptionSpec> = {
  'container-runtime-endpoint': {
    type: 'string',
    default: 'unix:///run/kubelab/cri.sock',
    description: 'Unix socket to serve CRI on.',
  },
  'docker-endpoint': {
    type: 'string',
    default: 'unix:///var/run/docker.sock',
    description: 'Docker daemon, unix:///path or tcp://host:port.',
  },
  'cni-conf-dir': {
    type: 'string',
    default: '/etc/kubelab/cni/net.d',
    description: 'Folder with CNI network configurations; the first by name is used.',
  },
  'cni-bin-dir': {
    type: 'string[]',
    default: ['/usr/lib/cni', '/opt/cni/bin'],
    description: 'Folders with CNI plugins.',
  },
  'cni-cache-dir': {
    type: 'string',
    default: '',
    description: 'Folder for results of CNI plugins. Default: cni below the state folder.',
  },
  'pod-infra-container-image': {
    type: 'string',
    default: ownPauseImage,
    description: 'Image of the container that holds a pod’s namespaces. The default is made on the spot, not pulled.',
  },
  'state-dir': {
    type: 'string',
    default: '/var/lib/kubelab/cri-docker',
    description: 'Folder for positions in logs and unpacked image volumes.',
  },
  'streaming-address': {
    type: 'string',
    default: '127.0.0.1:0',
    description: 'Address of exec, attach and port-forward streams. Port 0 takes a free one.',
  },
  'cgroup-driver': {
    type: 'string',
    default: '',
    description: 'Fails the start if Docker uses another cgroup driver (cgroupfs or systemd). Empty accepts any.',
  },
  'operational-address': {
    type: 'string',
    default: '',
    description: 'host:port for /healthz, /livez, /readyz and /metrics. Empty serves none.',
  },
};
