import { execFileSync } from 'node:child_process';
import { type Agent, NamespaceAgent, ownAgent } from './agents.js';

const links = {
  p1: { addresses: ['10.244.1.11/24', 'fd00:244:1::11/64'], gateways: ['10.244.1.1', 'fd00:244:1::1'] },
  p2: { addresses: ['10.244.1.12/24', 'fd00:244:1::12/64'], gateways: ['10.244.1.1', 'fd00:244:1::1'] },
  client: { addresses: ['192.168.77.2/24', 'fd00:77::2/64'], gateways: ['192.168.77.1', 'fd00:77::1'] },
  far: { addresses: ['192.168.78.2/24', '10.244.2.11/32'], gateways: ['192.168.78.1'] },
};
type Link = keyof typeof links;
const linkNames = Object.keys(links) as Link[];
export type Place = 'node' | Link;

/** Long: the machine may have much else to do. What is expected to get no answer is asked with less. */
const patienceSeconds = 30;

const sysctls = [
  ...['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv4.conf.all.rp_filter=0'],
  ...['net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0'],
  // Refusals are ICMP errors, of which a client would get one a second.
  ...['net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0'],
];

const nodeSetup = `
link set lo up
link add cni0 type bridge
link set cni0 up
addr add 10.244.1.1/24 dev cni0
addr add fd00:244:1::1/64 dev cni0 nodad
link set p1 master cni0
link set p1 type bridge_slave hairpin on
link set p2 master cni0
link set p2 type bridge_slave hairpin on
addr add 192.168.77.1/24 dev client
addr add fd00:77::1/64 dev client nodad
addr add 192.168.78.1/24 dev far
route add 10.244.2.0/24 via 192.168.78.2
route add default via 192.168.77.2`;

/**
 * A node, a bridge, pods on it, an outside client, and another node with a pod:
 *
 *     client 192.168.77.2 -- 192.168.77.1 node (bridge 10.244.1.1) -- p1 10.244.1.11, p2 10.244.1.12
 *                                         \\-- 192.168.78.1 -- far 192.168.78.2 (another node, and its pod 10.244.2.11)
 *
 * IPv6: fd00:77::/64, fd00:244:1::/64. Pods and `far` answer TCP and UDP on 8080 by `NAME PEER-ADDRESS`, on 8081 by
 * `NAME:8081 PEER-ADDRESS`. Everything is in namespaces of this object's own, but for a node that is the machine.
 */
export class Lab {
  private readonly agents = new Map<Place, Agent>();

  /** @param id begins the namespaces' names; without one the node is this very machine (a guest of ./uml) */
  constructor(private readonly id?: string) {}

  /** The node's namespace. */
  get node(): string {
    return `${this.id ?? ''}node`;
  }

  /** What runs a command on the node. */
  get prefix(): string[] {
    return this.id === undefined ? [] : ['ip', 'netns', 'exec', this.node];
  }

  ns(name: string): string {
    if (name === 'node') return this.node;
    return this.id === undefined ? name : `${this.node}-${name}`;
  }

  async up(): Promise<void> {
    const [first, ...rest] = [...this.prefix, 'sysctl', '-qw', ...sysctls];
    if (this.id !== undefined) exec('ip', ['netns', 'add', this.node]);
    exec(first ?? '', rest);
    for (const name of linkNames) exec('ip', ['netns', 'add', this.ns(name)]);
    const onNode = this.id === undefined ? [] : ['-n', this.node];
    const veths = linkNames.map(
      (name) => `link add ${name} type veth peer name eth0 netns ${this.ns(name)}\nlink set ${name} up`,
    );
    exec('ip', [...onNode, '-batch', '-'], `${veths.join('\n')}${nodeSetup}\n`);
    for (const name of linkNames) exec('ip', ['-n', this.ns(name), '-batch', '-'], linkSetup(name));
    for (const name of linkNames) this.agents.set(name, new NamespaceAgent(this.ns(name)));
    this.agents.set('node', this.id === undefined ? ownAgent : new NamespaceAgent(this.node));
    const servers = ['p1', 'p2', 'far'] as const;
    await Promise.all(servers.flatMap((name) => [8080, 8081].map((port) => this.ask(name, 'serve', name, port))));
  }

  down(): void {
    for (const a of this.agents.values()) a.end();
    const names = this.id === undefined ? linkNames : (['node', ...linkNames] as const);
    for (const name of names) exec('ip', ['netns', 'del', this.ns(name)]);
  }

  /** Runs a command in a namespace and returns what it prints; throws when it fails. */
  in(ns: string, ...command: string[]): string {
    if (ns === this.node) return this.run(...command);
    return exec('ip', ['netns', 'exec', ns, ...command]);
  }

  /** Runs a command on the node. */
  run(...command: string[]): string {
    const [first = '', ...rest] = [...this.prefix, ...command];
    return exec(first, rest);
  }

  /** `NAME PEER` as the server that the address leads to says, or `refused`, `timeout` or the error's code. */
  get(from: string, address: string, timeoutSeconds = patienceSeconds): Promise<string> {
    return this.ask(from, 'get', address, timeoutSeconds * 1000);
  }

  /** As `get`, over a connection that stays open under a name. */
  again(from: Place, name: string, address: string): Promise<string> {
    return this.ask(from, 'again', name, address, patienceSeconds * 1000);
  }

  /** As `get`, by datagrams from a fixed source port. */
  udp(from: string, ip: string, port: number, sourcePort: number, timeoutSeconds = patienceSeconds): Promise<string> {
    return this.ask(from, 'udp', `${ip.includes(':') ? `[${ip}]` : ip}:${port}`, sourcePort, timeoutSeconds * 1000);
  }

  /** The node itself answers on a port. */
  async serveOnNode(port: number): Promise<void> {
    await this.ask('node', 'serve', 'node', port);
  }

  private ask(from: string, ...what: Parameters<Agent['ask']>): Promise<string> {
    const agent = this.agents.get(from as Place);
    if (!agent) throw new Error(`the lab has no ${from}`);
    return agent.ask(...what);
  }
}

function linkSetup(name: Link): string {
  const { addresses, gateways } = links[name];
  return [
    ...['link set lo up', 'link set eth0 up'],
    ...addresses.map((a) => `addr add ${a} dev eth0${a.includes(':') ? ' nodad' : ''}`),
    ...gateways.map((g) => `route add default via ${g}`),
    '',
  ].join('\n');
}

function exec(command: string, args: string[], input?: string): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(input === undefined ? {} : { input }),
  });
}
