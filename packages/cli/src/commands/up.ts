import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Client, loadKubeconfig } from '@kubelab/client';
import type { OptionValues } from '@kubelab/component-base';
import { caCertHash } from '@kubelab/pki';
import { addonsOf } from '../cluster/addons.js';
import { primaryIpv6Address } from '../cluster/address.js';
import { apiServerUrl, type ClusterConfig, readClusterConfig, writeClusterConfig } from '../cluster/config.js';
import { entryPoint, type Layout, nodeLayoutOf } from '../cluster/layout.js';
import { readNodeConfig } from '../cluster/node-config.js';
import { type Command, UsageError } from '../command.js';
import { ensureNodeImages } from '../images/node-images.js';
import { ownImages } from '../images/own-images.js';
import { ensureAddons, reportAddonReady } from '../phases/addons.js';
import { ensureBootstrapObjects } from '../phases/bootstrap-objects.js';
import { ensureControlPlane } from '../phases/control-plane.js';
import { imageStoresOf } from '../phases/image-stores.js';
import { ensureIpvs } from '../phases/ipvs.js';
import { ensureUserKubeconfig } from '../phases/kubeconfigs.js';
import { ensureHostRoutes, ensureLab, inNode, labNodesOf } from '../phases/lab-network.js';
import { waitDnsReady, waitNodesReady } from '../phases/nodes-ready.js';
import { createToken } from '../phases/token.js';
import type { ProcessSpec } from '../process/daemon.js';
import { runStreaming } from '../process/run.js';
import { Report } from '../report.js';
import { clusterProcesses, controlPlaneGroup } from '../supervise/processes.js';
import { addonOptions, withAddonOptions } from './addon-options.js';
import { clusterOption, layoutFrom } from './cluster-option.js';
import { networkOptions, newClusterConfig } from './network-options.js';
import { runtimeEndpoint, runtimeOption } from './runtime-option.js';

export const up: Command = {
  name: 'up',
  summary: 'Bring up a cluster on this machine, or mend the one that is there',
  options: {
    ...clusterOption,
    ...networkOptions,
    ...addonOptions,
    nodes: {
      type: 'number',
      default: 0,
      description: '0: this machine is the node. N: a lab of N nodes, each a network namespace with its own dockerd',
    },
    'node-ip': { type: 'string', description: 'Address of this machine as a node; default: --advertise-address' },
    docker: {
      type: 'string',
      default: 'auto',
      description: "Docker of this machine as a node: auto (its own daemon if it runs), own, or a socket's path",
    },
    ...runtimeOption,
  },
  async run(options) {
    const layout = layoutFrom(options);
    const report = new Report();
    const { config, isNew } = decide(options, layout);
    if (config.proxyMode === 'ipvs' && config.mode !== 'control-plane') {
      await ensureIpvs();
    }
    report.line(isNew ? `Bringing up cluster ${config.name}` : `Cluster ${config.name} is here; starting what is down`);
    writeClusterConfig(layout, config);
    if (config.mode === 'lab') {
      await report.step('lab network', async () => {
        await ensureLab(config, layout);
        return `lab network ${config.labCidr} with ${config.labNodes.length} nodes`;
      });
    }
    await ensureControlPlane(layout, config, report);
    const client = new Client({ ...loadKubeconfig(layout.adminKubeconfig), userAgent: 'kubelab' });
    await report.step('bootstrap objects', () => ensureBootstrapObjects(client, layout, config));
    await joinNodes(options, layout, config, client, report);
    await report.step('images', () =>
      ensureNodeImages(imageStoresOf(layout, config), ownImages(addonsOf(config.addons))),
    );
    await report.step('addons', () => ensureAddons(client, config));
    await report.step('nodes ready', async () => {
      const names = await waitNodesReady(client, nodeNames(layout, config), nodeSpecs(layout));
      if (config.mode === 'lab') {
        await ensureHostRoutes(config, layout, await podCidrs(client));
      }
      return `Ready: ${names.join(', ')}`;
    });
    if (config.mode !== 'control-plane') {
      await report.step('cluster DNS', () => waitDnsReady(config));
      for (const name of config.addons) {
        await reportAddonReady(client, config, name, imageStoresOf(layout, config), report);
      }
    }
    printNextSteps(report, layout, config);
  },
};

function decide(options: OptionValues, layout: Layout): { config: ClusterConfig; isNew: boolean } {
  const count = options.number('nodes');
  if (!Number.isInteger(count) || count < 0 || count > 200) {
    throw new UsageError(`--nodes=${count}: a whole number from 0 to 200`);
  }
  const labNodes = Array.from({ length: count }, (_, index) => `node${index + 1}`);
  const known = readClusterConfig(layout);
  if (runtimeEndpoint(options) && (count > 0 || known?.mode === 'lab')) {
    throw new UsageError('--container-runtime-endpoint: the nodes of a lab each have a Docker of their own');
  }
  if (!known) {
    const config = newClusterConfig(options, layout.name, count > 0 ? 'lab' : 'host', labNodes);
    return { config: withAddonOptions(config, options), isNew: true };
  }
  if (count > 0 && known.mode !== 'lab') {
    throw new UsageError(`cluster ${known.name} has this machine as its node; \`down\` first to make a lab`);
  }
  if (count > 0 && count < known.labNodes.length) {
    throw new UsageError(`cluster ${known.name} has ${known.labNodes.length} nodes; \`down\` first to make it smaller`);
  }
  const config = count > known.labNodes.length ? { ...known, labNodes } : known;
  return { config: withAddonOptions(config, options), isNew: false };
}

/** Nodes join in processes of their own, inside their network namespace: what a real machine does, word for word. */
async function joinNodes(
  options: OptionValues,
  layout: Layout,
  config: ClusterConfig,
  client: Client,
  report: Report,
): Promise<void> {
  if (config.mode === 'control-plane') {
    return;
  }
  const targets: { name: string; ip: string; lab: string | undefined; wrap: (command: string[]) => string[] }[] =
    config.mode === 'lab'
      ? labNodesOf(config).map((node) => ({
          name: node.name,
          ip: [node.address, node.ipv6Address].filter(Boolean).join(','),
          lab: node.name,
          wrap: (command) => inNode(node, command),
        }))
      : [
          {
            name: hostname().toLowerCase(),
            ip: options.optionalString('node-ip') ?? ownAddresses(config),
            lab: undefined,
            wrap: (command) => command,
          },
        ];
  const joined = targets.map((target) => existsSync(nodeLayoutOf(layout, target.lab).kubeconfig));
  const token = joined.every(Boolean) ? undefined : await createToken(client, 3_600_000, 'made by kubelab up');
  const endpoint = runtimeEndpoint(options);
  const hash = caCertHash(readFileSync(`${layout.pkiDir}/ca.crt`, 'utf8'));
  await Promise.all(
    targets.map((target, index) => {
      const command = [
        ...[process.execPath, entryPoint('cli'), 'join', `--name=${config.name}`, `--node-name=${target.name}`],
        ...[`--node-ip=${target.ip}`, `--docker=${target.lab ? 'own' : options.string('docker')}`],
        ...(target.lab ? [`--lab-node=${target.lab}`] : []),
        ...(endpoint ? [`--container-runtime-endpoint=${endpoint}`] : []),
      ];
      if (!joined[index] && token) {
        command.push(`--server=${apiServerUrl(config)}`, `--ca-cert-hash=${hash}`, `--token=${token.token}`);
      }
      return runStreaming(`join of ${target.name}`, target.wrap(command), (line) => {
        if (line.trim() !== '') {
          report.line(line);
        }
      });
    }),
  );
}

function nodeNames(layout: Layout, config: ClusterConfig): string[] {
  if (config.mode === 'lab') {
    return config.labNodes;
  }
  const own = readNodeConfig(nodeLayoutOf(layout));
  return own ? [own.nodeName] : [];
}

function nodeSpecs(layout: Layout): ProcessSpec[] {
  return clusterProcesses(layout).flatMap(({ group, spec }) => (group === controlPlaneGroup ? [] : [spec]));
}

/** This machine's addresses as a node, one a family of the cluster. */
function ownAddresses(config: ClusterConfig): string {
  const ipv6 = config.podCidr.includes(':') ? primaryIpv6Address() : undefined;
  return [config.advertiseAddress, ipv6].filter(Boolean).join(',');
}

async function podCidrs(client: Client): Promise<Map<string, string[]>> {
  const nodes = await client.resource({ group: '', version: 'v1', resource: 'nodes' }).list();
  return new Map(
    nodes.items.map((node) => [
      node.metadata.name ?? '',
      (node.spec as { podCIDRs?: string[] } | undefined)?.podCIDRs ?? [],
    ]),
  );
}

/** What shows how Services are programmed. */
const ruleCommands: Record<ClusterConfig['proxyMode'], string> = {
  iptables: 'iptables-save -t nat',
  nftables: 'nft list table ip kube-proxy',
  ipvs: 'ipvsadm -Ln',
};

function printNextSteps(report: Report, layout: Layout, config: ClusterConfig): void {
  const admin = readFileSync(layout.adminKubeconfig, 'utf8');
  const written = ensureUserKubeconfig(layout, admin);
  report.line('');
  report.line(`Cluster ${config.name} is up after ${report.elapsedSeconds()} s. Next:`);
  if (written) {
    report.line(`  (${written} was written: kubectl works as it is)`);
  } else {
    report.line(`  export KUBECONFIG=${layout.adminKubeconfig}`);
  }
  report.line('  kubectl get nodes -o wide');
  report.line('  kubectl create deployment web --image=kubelab/httpd --replicas=3');
  report.line('  kubectl expose deployment web --port=80 --target-port=8080 --type=NodePort');
  report.line('  curl http://$(kubectl get service web -o jsonpath={.spec.clusterIP})/');
  if (config.mode === 'lab') {
    const node = labNodesOf(config)[0];
    const rules = ruleCommands[config.proxyMode];
    report.line(`  nsenter --net=/run/netns/${node?.netns} ${rules}   # the rules of ${node?.name}`);
  }
}
