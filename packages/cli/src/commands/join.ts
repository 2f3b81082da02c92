import { hostname } from 'node:os';
import { addonsOf } from '../cluster/addons.js';
import { primaryAddress } from '../cluster/address.js';
import { nodeLayoutOf } from '../cluster/layout.js';
import type { NodeConfig } from '../cluster/node-config.js';
import { type Command, UsageError } from '../command.js';
import { ensureNodeImages } from '../images/node-images.js';
import { ownImages } from '../images/own-images.js';
import { imageStoreOf } from '../phases/image-stores.js';
import { type JoinOptions, joinNode } from '../phases/node.js';
import { Report } from '../report.js';
import { SupervisorClient } from '../supervise/control-socket.js';
import { ensureSupervisor } from '../supervise/service.js';
import { clusterOption, layoutFrom } from './cluster-option.js';
import { runtimeEndpoint, runtimeOption } from './runtime-option.js';

export const join: Command = {
  name: 'join',
  summary: 'Make this machine a node of a cluster, or start the processes of one that has joined',
  options: {
    ...clusterOption,
    server: { type: 'string', description: 'URL of the API server, https://ADDRESS:6443' },
    token: { type: 'string', description: 'Bootstrap token, from `kubelab token create`' },
    'ca-cert-hash': { type: 'string', description: "Pin of the cluster's certificate authority, sha256:HEX" },
    'node-name': { type: 'string', description: "Name of the node; default: this machine's host name" },
    'node-ip': { type: 'string', description: 'Address of the node; name it where the machine has several' },
    'lab-node': { type: 'string', description: 'Set by `up` for a node of a lab: its folders are apart' },
    docker: {
      type: 'string',
      default: 'auto',
      description: "auto: this machine's Docker if it answers, else one of our own; own; or a socket's path",
    },
    ...runtimeOption,
  },
  async run(options) {
    const layout = layoutFrom(options);
    const labNode = options.optionalString('lab-node');
    const node = nodeLayoutOf(layout, labNode);
    const nodeName = options.optionalString('node-name') ?? hostname().toLowerCase();
    const report = new Report(undefined, labNode ? `${nodeName}: ` : '');
    const server = options.optionalString('server');
    const token = options.optionalString('token');
    if (server && !token) {
      throw new UsageError('--token is missing');
    }
    const request: JoinOptions | undefined =
      server && token
        ? {
            clusterName: layout.name,
            server,
            token,
            caCertHash: options.optionalString('ca-cert-hash'),
            nodeName,
            nodeIp: options.optionalString('node-ip') ?? primaryAddress(),
            cgroupRoot: `/kubelab-${layout.name}/${nodeName}`,
            docker: options.string('docker'),
            criEndpoint: runtimeEndpoint(options),
          }
        : undefined;
    // The nodes of a lab get theirs all at once, from one archive.
    const loadImages = labNode
      ? undefined
      : (config: NodeConfig) => ensureNodeImages([imageStoreOf(node, config)], ownImages(addonsOf(config.addons)));
    // That of a lab's nodes is the cluster's, and runs.
    if (!labNode) {
      await report.step('supervisor', () => ensureSupervisor(layout));
    }
    await joinNode(node, request, report, new SupervisorClient(layout), loadImages);
  },
};
