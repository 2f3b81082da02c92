import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { nthAddress, prefixLength } from '../cluster/address.js';
import type { ClusterConfig } from '../cluster/config.js';
import { run, succeeds } from '../process/run.js';

/** Routes that a lab adds to this host carry this protocol number, by which they are found again. */
const routeProtocol = '213';

export interface LabNode {
  /** The node's name in the cluster. */
  name: string;
  /** The network namespace's name, unique on this host. */
  netns: string;
  address: string;
  /** The host's end of the node's cable. */
  hostInterface: string;
}

/** The nodes of a lab: node N has the address number 10+N of the lab's network. */
export function labNodesOf(config: ClusterConfig): LabNode[] {
  return config.labNodes.map((name, index) => ({
    name,
    netns: `${config.name}-${name}`,
    address: nthAddress(config.labCidr, 11 + index),
    hostInterface: `${config.name}-v${index + 1}`,
  }));
}

export function labBridge(config: ClusterConfig): string {
  return `br-${config.name}`;
}

export function hostLabAddress(config: ClusterConfig): string {
  return nthAddress(config.labCidr, 1);
}

function chainName(config: ClusterConfig): string {
  return `KUBELAB-${config.name.toUpperCase()}`;
}

/** The link that joins the nodes: a bridge on this host, with masquerading to the outside. */
export async function ensureLabLink(config: ClusterConfig): Promise<void> {
  const bridge = labBridge(config);
  if (!(await succeeds(['ip', 'link', 'show', bridge]))) {
    await run(['ip', 'link', 'add', bridge, 'type', 'bridge']);
  }
  await run(['ip', 'address', 'replace', `${hostLabAddress(config)}/${prefixLength(config.labCidr)}`, 'dev', bridge]);
  await run(['ip', 'link', 'set', bridge, 'up']);
  if (readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() !== '1') {
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  }
  await ensureLabRules(config);
}

/**
 * Rules in chains of the lab's own: traffic of the lab is forwarded (Docker on the host sets FORWARD to DROP, and
 * br_netfilter makes bridged frames pass there too), and what leaves it is masqueraded.
 */
async function ensureLabRules(config: ClusterConfig): Promise<void> {
  const bridge = labBridge(config);
  const chain = chainName(config);
  const text = `*filter
:${chain} - [0:0]
-A ${chain} -i ${bridge} -j ACCEPT
-A ${chain} -o ${bridge} -j ACCEPT
COMMIT
*nat
:${chain} - [0:0]
-A ${chain} -s ${config.labCidr} ! -o ${bridge} -j MASQUERADE
COMMIT
`;
  await run(['iptables-restore', '-w', '--noflush'], text);
  for (const [table, parent] of jumps) {
    const rule = [parent, '-m', 'comment', '--comment', `kubelab ${config.name}`, '-j', chain];
    if (!(await succeeds(['iptables', '-w', '-t', table, '-C', ...rule]))) {
      await run(['iptables', '-w', '-t', table, '-I', ...rule]);
    }
  }
}

const jumps = [
  ['filter', 'FORWARD'],
  ['nat', 'POSTROUTING'],
] as const;

/** A node's machine: a network namespace with a cable to the link and a default route over this host. */
export async function ensureLabNode(config: ClusterConfig, node: LabNode): Promise<void> {
  if (!existsSync(netnsPath(node)) || !(await succeeds(inNode(node, ['true'])))) {
    // A file that is left of a namespace (after a reboot) cannot be entered, and is in the way of a new one.
    await succeeds(['ip', 'netns', 'delete', node.netns]);
    await run(['ip', 'netns', 'add', node.netns]);
  }
  await run(inNode(node, ['ip', 'link', 'set', 'lo', 'up']));
  if (!(await succeeds(inNode(node, ['ip', 'link', 'show', 'eth0'])))) {
    await succeeds(['ip', 'link', 'delete', node.hostInterface]);
    await run([
      ...['ip', 'link', 'add', node.hostInterface, 'type', 'veth'],
      ...['peer', 'name', 'eth0', 'netns', node.netns],
    ]);
  }
  await run(['ip', 'link', 'set', node.hostInterface, 'master', labBridge(config), 'up']);
  const address = `${node.address}/${prefixLength(config.labCidr)}`;
  await run(inNode(node, ['ip', 'address', 'replace', address, 'dev', 'eth0']));
  await run(inNode(node, ['ip', 'link', 'set', 'eth0', 'up']));
  await run(inNode(node, ['ip', 'route', 'replace', 'default', 'via', hostLabAddress(config)]));
}

export function netnsPath(node: LabNode): string {
  return `/run/netns/${node.netns}`;
}

/** A command to be run in a node's network namespace. Not `ip netns exec`, which hides the cgroups from dockerd. */
export function inNode(node: LabNode, command: string[]): string[] {
  return ['nsenter', `--net=${netnsPath(node)}`, '--', ...command];
}

/**
 * Routes this host's requests for Services and pods to the nodes. A Service's packets may enter at any node, since
 * kube-proxy masquerades what comes from outside the pod network; they are spread over all.
 */
export async function ensureHostRoutes(config: ClusterConfig, podCidrs: Map<string, string>): Promise<void> {
  const nodes = labNodesOf(config);
  const hops = nodes.flatMap((node) => ['nexthop', 'via', node.address]);
  await run(['ip', 'route', 'replace', config.serviceCidr, 'proto', routeProtocol, ...hops]);
  for (const node of nodes) {
    const cidr = podCidrs.get(node.name);
    if (cidr) {
      await run(['ip', 'route', 'replace', cidr, 'via', node.address, 'proto', routeProtocol]);
    }
  }
}

/** Removes namespaces, cables, bridge (and with them the routes over it) and the lab's chains. */
export async function removeLabNetwork(config: ClusterConfig): Promise<void> {
  for (const node of labNodesOf(config)) {
    if (existsSync(netnsPath(node))) {
      await run(['ip', 'netns', 'delete', node.netns]);
    }
    await succeeds(['ip', 'link', 'delete', node.hostInterface]);
  }
  await succeeds(['ip', 'link', 'delete', labBridge(config)]);
  const chain = chainName(config);
  for (const [table, parent] of jumps) {
    await succeeds([
      ...['iptables', '-w', '-t', table, '-D', parent],
      ...['-m', 'comment', '--comment', `kubelab ${config.name}`, '-j', chain],
    ]);
    await succeeds(['iptables', '-w', '-t', table, '-F', chain]);
    await succeeds(['iptables', '-w', '-t', table, '-X', chain]);
  }
}
