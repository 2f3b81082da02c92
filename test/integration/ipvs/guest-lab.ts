import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { methods } from './talk.js';

const agent = fileURLToPath(new URL('./agent.js', import.meta.url));

/** The same shape as kube-proxy's own lab, but the node is the guest itself: each process less counts in there. */
const links = {
  p1: { addresses: ['10.244.1.11/24', 'fd00:244:1::11/64'], gateways: ['10.244.1.1', 'fd00:244:1::1'] },
  p2: { addresses: ['10.244.1.12/24', 'fd00:244:1::12/64'], gateways: ['10.244.1.1', 'fd00:244:1::1'] },
  client: { addresses: ['192.168.77.2/24', 'fd00:77::2/64'], gateways: ['192.168.77.1', 'fd00:77::1'] },
  far: { addresses: ['192.168.78.2/24', '10.244.2.11/32'], gateways: ['192.168.78.1'] },
};
export type Place = 'node' | keyof typeof links;
type Method = keyof typeof methods;

const nodeSetup = `
sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
  net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip -batch - <<END
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
route add default via 192.168.77.2
END`;

function linkSetup(name: keyof typeof links): string {
  const { addresses, gateways } = links[name];
  const nodad = (a: string) => (a.includes(':') ? ' nodad' : '');
  return `
ip netns add ${name}
ip link add ${name} type veth peer name eth0 netns ${name}
ip link set ${name} up
ip -n ${name} -batch - <<END
link set lo up
link set eth0 up
${addresses.map((a) => `addr add ${a} dev eth0${nodad(a)}`).join('\n')}
${gateways.map((g) => `route add default via ${g}`).join('\n')}
END`;
}

/** Node, pods, an outside client and another node's pod, and what they say when they ask each other. */
export class GuestLab {
  private readonly agents = new Map<Place, ChildProcess>();
  private readonly waiting = new Map<number, { resolve(v: string): void; reject(e: Error): void }>();
  private lastId = 0;

  async up(): Promise<void> {
    const names = Object.keys(links) as (keyof typeof links)[];
    this.run('bash', '-euc', [...names.map(linkSetup), nodeSetup].join('\n'));
    await Promise.all(names.map((name) => this.start(name)));
  }

  down(): void {
    for (const a of this.agents.values()) a.disconnect();
  }

  /** Runs a command on the node and returns what it prints; throws when it fails. */
  run(command: string, ...args: string[]): string {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** `NAME PEER` as the server says that the address leads to, or `refused` or `timeout`. */
  get(from: Place, target: string, ms?: number): Promise<string> {
    return this.ask(from, 'get', target, ms);
  }

  /** The names of the servers that answer `n` requests, sorted, each once. */
  async spread(from: Place, target: string, n: number): Promise<string[]> {
    const names = new Set<string>();
    for (let i = 0; i < n; i++) names.add((await this.get(from, target)).split(' ')[0] ?? '');
    return [...names].sort();
  }

  ask(from: Place, method: Method, ...args: (string | number | undefined)[]): Promise<string> {
    if (from === 'node') return (methods[method] as (...a: unknown[]) => Promise<string>)(...args);
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      // JSON has no undefined: trailing ones are left out.
      this.agents.get(from)?.send({ id, method, args: args.filter((a) => a !== undefined) });
    });
  }

  private start(name: keyof typeof links): Promise<void> {
    const child = spawn('nsenter', [`--net=/run/netns/${name}`, process.execPath, agent, name], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.agents.set(name, child);
    return new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`${name} ended: ${code}`)));
      child.on('message', (m: { id: number; answer?: string; error?: string }) => {
        if (m.id === 0) return resolve();
        const w = this.waiting.get(m.id);
        this.waiting.delete(m.id);
        if (m.error === undefined) w?.resolve(m.answer ?? '');
        else w?.reject(new Error(m.error));
      });
    });
  }
}
