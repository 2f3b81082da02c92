import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { writePublicFile } from '@kubelab/pki/files';
import { nthAddress, nthIpv6Address, ofFamily, prefixLength } from '../cluster/address.js';
import type { ClusterConfig } from '../cluster/config.js';
import { type Layout, layoutOf, nodeLayoutOf } from '../cluster/layout.js';
import { run, succeeds } from '../process/run.js';

/** Routes that a lab adds to this host carry this protocol number, by which they are found again. */
const routeProtocol = '213';

export interface LabNode {
  /** The node's name in the cluster. */
  name: string;
  /** The network namespace's name, unique on this host. */
  netns: string;
  address: string;
  /** In a dual-stack cluster. */
  ipv6Address: string | undefined;
  /** The host's end of the node's cable. */
  hostInterface: string;
  /** Where the namespace of the node's host name is. */
  utsFile: string;
}

/** The nodes of a lab: node N has the address number 10+N of the lab's networks. */
export function labNodesOf(config: ClusterConfig): LabNode[] {
  const ipv6 = ofFamily(config.labCidr, 'ipv6');
  return config.labNodes.map((name, index) => ({
    name,
    netns: `${config.name}-${name}`,
    address: nthAddress(ipv4Network(config), 11 + index),
    ipv6Address: ipv6 && nthIpv6Address(ipv6, 11 + index),
    hostInterface: `${config.name}-v${index + 1}`,
    utsFile: `${nodeLayoutOf(layoutOf(config.name), name).runDir}/uts`,
  }));
}

export function labBridge(config: ClusterConfig): string {
  return `br-${config.name}`;
}

export function hostLabAddress(config: ClusterConfig): string {
  return nthAddress(ipv4Network(config), 1);
}

function ipv4Network(config: ClusterConfig): string {
  return ofFamily(config.labCidr, 'ipv4') ?? '';
}

function chainName(config: ClusterConfig): string {
  return `KUBELAB-${config.name.toUpperCase()}`;
}

/** Makes what is missing of the lab: link, nodes and, once they are known, this host's routes. */
export async function ensureLab(config: ClusterConfig, layout: Layout): Promise<void> {
  await ensureLabLink(config);
  for (const node of labNodesOf(config)) {
    await ensureLabNode(config, node);
  }
  if (existsSync(routesFile(layout))) {
    await applyHostRoutes(JSON.parse(readFileSync(routesFile(layout), 'utf8')) as HostRoute[]);
  }
}

/**
 * The link that joins the nodes: a bridge on this host, with masquerading to the outside for IPv4. IPv6 stays on the
 * link: to forward it, a host would have to stop listening to its router's advertisements.
 */
async function ensureLabLink(config: ClusterConfig): Promise<void> {
  const bridge = labBridge(config);
  if (!(await succeeds(['ip', 'link', 'show', bridge]))) {
    await run(['ip', 'link', 'add', bridge, 'type', 'bridge']);
  }
  const address = `${hostLabAddress(config)}/${prefixLength(ipv4Network(config))}`;
  await run(['ip', 'address', 'replace', address, 'dev', bridge]);
  const ipv6 = ofFamily(config.labCidr, 'ipv6');
  if (ipv6) {
    await run(['ip', 'address', 'replace', `${nthIpv6Address(ipv6, 1)}/${prefixLength(ipv6)}`, 'dev', bridge, 'nodad']);
  }
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
  const filter = `*filter
:${chain} - [0:0]
-A ${chain} -i ${bridge} -j ACCEPT
-A ${chain} -o ${bridge} -j ACCEPT
COMMIT
`;
  const nat = `*nat
:${chain} - [0:0]
-A ${chain} -s ${ipv4Network(config)} ! -o ${bridge} -j MASQUERADE
COMMIT
`;
  await run(['iptables-restore', '-w', '--noflush'], filter + nat);
  if (isDualStack(config)) {
    await run(['ip6tables-restore', '-w', '--noflush'], filter);
  }
  for (const [command, table, parent] of jumpsOf(config)) {
    const rule = [parent, '-m', 'comment', '--comment', `kubelab ${config.name}`, '-j', chain];
    if (!(await succeeds([command, '-w', '-t', table, '-C', ...rule]))) {
      await run([command, '-w', '-t', table, '-I', ...rule]);
    }
  }
}

function isDualStack(config: ClusterConfig): boolean {
  return ofFamily(config.labCidr, 'ipv6') !== undefined;
}

function jumpsOf(config: ClusterConfig): [command: string, table: string, parent: string][] {
  return [
    ['iptables', 'filter', 'FORWARD'],
    ['iptables', 'nat', 'POSTROUTING'],
    ...(isDualStack(config) ? [['ip6tables', 'filter', 'FORWARD'] as [string, string, string]] : []),
  ];
}

/** A node's machine: a network namespace with a cable to the link and a default route over this host, and a host name. */
async function ensureLabNode(config: ClusterConfig, node: LabNode): Promise<void> {
  if (!existsSync(netnsPath(node)) || !(await succeeds(inNode(node, ['true'])))) {
    // A file that is left of a namespace (after a reboot) cannot be entered, and is in the way of a new one.
    await succeeds(['ip', 'netns', 'delete', node.netns]);
    await run(['ip', 'netns', 'add', node.netns]);
  }
  if (!(await succeeds([...enterNode(node), 'true']))) {
    mkdirSync(dirname(node.utsFile), { recursive: true });
    writeFileSync(node.utsFile, '');
    await run(['unshare', `--uts=${node.utsFile}`, 'hostname', node.name]);
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
  const address = `${node.address}/${prefixLength(ipv4Network(config))}`;
  await run(inNode(node, ['ip', 'address', 'replace', address, 'dev', 'eth0']));
  await run(inNode(node, ['ip', 'link', 'set', 'eth0', 'up']));
  await run(inNode(node, ['ip', 'route', 'replace', 'default', 'via', hostLabAddress(config)]));
  const ipv6 = ofFamily(config.labCidr, 'ipv6');
  if (ipv6 && node.ipv6Address) {
    const own = `${node.ipv6Address}/${prefixLength(ipv6)}`;
    await run(inNode(node, ['ip', 'address', 'replace', own, 'dev', 'eth0', 'nodad']));
    await run(inNode(node, ['ip', '-6', 'route', 'replace', 'default', 'via', nthIpv6Address(ipv6, 1)]));
  }
}

export function netnsPath(node: LabNode): string {
  return `/run/netns/${node.netns}`;
}

/** A command to be run in a node's network namespace. Not `ip netns exec`, which hides the cgroups from dockerd. */
export function inNode(node: LabNode, command: string[]): string[] {
  return ['nsenter', `--net=${netnsPath(node)}`, '--', ...command];
}

/** What leads into all of a node's namespaces: its processes are started with it. */
export function enterNode(node: LabNode): string[] {
  return ['nsenter', `--net=${netnsPath(node)}`, `--uts=${node.utsFile}`, '--'];
}

/** Arguments of `ip route replace`. */
type HostRoute = string[];

function routesFile(layout: Layout): string {
  return `${layout.stateDir}/lab-routes.json`;
}

async function applyHostRoutes(routes: HostRoute[]): Promise<void> {
  for (const route of routes) {
    await run(['ip', 'route', 'replace', ...route]);
  }
}

/**
 * Routes this host's requests for Services and pods to the nodes. A Service's packets may enter at any node, since
 * kube-proxy masquerades what comes from outside the pod network; they are spread over all. The routes are kept in a
 * file, for the next boot.
 */
export async function ensureHostRoutes(
  config: ClusterConfig,
  layout: Layout,
  podCidrs: Map<string, string[]>,
): Promise<void> {
  const nodes = labNodesOf(config);
  const services = config.serviceCidr.split(',').map((cidr) => {
    const hops = nodes.flatMap((node) => ['nexthop', 'via', hopFor(cidr, node)]);
    return [cidr, 'proto', routeProtocol, ...hops];
  });
  const pods = nodes.flatMap((node) =>
    (podCidrs.get(node.name) ?? []).map((cidr) => [cidr, 'via', hopFor(cidr, node), 'proto', routeProtocol]),
  );
  const routes: HostRoute[] = [...services, ...pods];
  await applyHostRoutes(routes);
  writePublicFile(routesFile(layout), JSON.stringify(routes));
}

function hopFor(cidr: string, node: LabNode): string {
  return cidr.includes(':') ? (node.ipv6Address ?? '') : node.address;
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
  for (const [command, table, parent] of jumpsOf(config)) {
    await succeeds([
      ...[command, '-w', '-t', table, '-D', parent],
      ...['-m', 'comment', '--comment', `kubelab ${config.name}`, '-j', chain],
    ]);
    await succeeds([command, '-w', '-t', table, '-F', chain]);
    await succeeds([command, '-w', '-t', table, '-X', chain]);
  }
}
