import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Probe, ProbeReply, ProbeResult } from './prober.js';
import type { TruthPod } from './truth.js';

const prober = fileURLToPath(new URL('prober.js', import.meta.url));

export interface LabPod extends TruthPod {
  key: string;
  node: string;
  /** Ports that are served, TCP and UDP. */
  ports: number[];
}

export type PodSpec = Omit<LabPod, 'key' | 'ips'>;

/** Runs `ip -n NAMESPACE -batch` with these lines; all else of a lab is namespaces. */
function batch(netns: string, lines: string[]): void {
  execFileSync('ip', ['-n', netns, '-batch', '-'], { input: lines.join('\n'), stdio: ['pipe', 'ignore', 'inherit'] });
}

/**
 * Nodes (each a network namespace with a bridge cni0, joined by a bridge of their own and by plain routes) and pods,
 * in which real programs connect to each other. IPv4 and IPv6.
 */
export class PolicyLab {
  readonly pods: LabPod[] = [];
  private readonly programs = new Map<
    string,
    { child: ChildProcess; waiting: Map<number, (r: ProbeResult[] | Error) => void> }
  >();
  private readonly made: string[] = [];
  private lastId = 0;

  constructor(
    private readonly id: string,
    readonly nodes: string[],
  ) {}

  netns(name: string): string {
    return `${this.id}${name}`;
  }

  /** Put before a command, it runs on that node. */
  prefix(node: string): string[] {
    return ['ip', 'netns', 'exec', this.netns(node)];
  }

  onNode(node: string, ...command: string[]): string {
    const [file = '', ...args] = [...this.prefix(node), ...command];
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async up(specs: PodSpec[]): Promise<void> {
    this.add('sw');
    batch(this.netns('sw'), ['link add lan type bridge', 'link set lan up']);
    for (const [i, node] of this.nodes.entries()) this.addNode(node, i + 1);
    const counts = new Map<string, number>();
    for (const spec of specs) {
      const number = (counts.get(spec.node) ?? 1) + 1;
      counts.set(spec.node, number);
      this.addPod(spec, this.nodes.indexOf(spec.node) + 1, number);
    }
    await Promise.all(this.pods.map((p) => this.start(p)));
  }

  down(): void {
    for (const { child } of this.programs.values()) child.kill('SIGKILL');
    for (const netns of this.made) execFileSync('ip', ['netns', 'del', netns]);
  }

  /** Lets a pod connect to all of these at once. */
  async probe(from: LabPod, probes: Probe[]): Promise<ProbeResult[]> {
    const program = this.programs.get(from.key);
    if (!program) throw new Error(`no pod ${from.key}`);
    const id = ++this.lastId;
    const done = new Promise<ProbeResult[]>((resolve, reject) =>
      program.waiting.set(id, (r) => (r instanceof Error ? reject(r) : resolve(r))),
    );
    program.child.stdin?.write(`${JSON.stringify({ id, probes })}\n`);
    return done;
  }

  /** A connection of an earlier test may have had the very ports of a later one. */
  forgetFlows(): void {
    for (const node of this.nodes) this.onNode(node, 'conntrack', '-F');
  }

  private add(name: string): void {
    execFileSync('ip', ['netns', 'add', this.netns(name)]);
    this.made.push(this.netns(name));
  }

  private addNode(node: string, n: number): void {
    this.add(node);
    const settings = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding', 'net.bridge.bridge-nf-call-iptables'];
    settings.push('net.bridge.bridge-nf-call-ip6tables');
    this.onNode(node, 'sysctl', '-qw', ...settings.map((s) => `${s}=1`), 'net.ipv6.conf.default.accept_dad=0');
    // As kube-proxy has it: so flows are tracked even while no policy asks for it.
    for (const tool of ['iptables', 'ip6tables']) {
      this.onNode(node, tool, '-A', 'FORWARD', '-m', 'conntrack', '--ctstate', 'INVALID', '-j', 'DROP');
    }
    batch(this.netns('sw'), [
      `link add to${node} type veth peer name eth0 netns ${this.netns(node)}`,
      `link set to${node} master lan up`,
    ]);
    const others = this.nodes.map((_, i) => i + 1).filter((i) => i !== n);
    batch(this.netns(node), [
      'link set lo up',
      `address add 10.70.0.${n}/24 dev eth0`,
      `address add fd00:70::${n}/64 dev eth0 nodad`,
      'link set eth0 up',
      'link add cni0 type bridge',
      `address add 10.244.${n}.1/24 dev cni0`,
      `address add fd00:244:${n}::1/64 dev cni0 nodad`,
      'link set cni0 up',
      ...others.flatMap((i) => [
        `route add 10.244.${i}.0/24 via 10.70.0.${i}`,
        `route add fd00:244:${i}::/64 via fd00:70::${i}`,
      ]),
    ]);
  }

  private addPod(spec: PodSpec, n: number, number: number): void {
    const name = `${spec.namespace}-${spec.name}`;
    const ips = { ipv4: `10.244.${n}.${number}`, ipv6: `fd00:244:${n}::${number}` };
    this.add(name);
    batch(this.netns(spec.node), [
      `link add v${number} type veth peer name eth0 netns ${this.netns(name)}`,
      `link set v${number} master cni0 up`,
      `link set v${number} type bridge_slave hairpin on`,
    ]);
    batch(this.netns(name), [
      'link set lo up',
      `address add ${ips.ipv4}/24 dev eth0`,
      `address add ${ips.ipv6}/64 dev eth0 nodad`,
      'link set eth0 up',
      `route add default via 10.244.${n}.1`,
      `route add default via fd00:244:${n}::1`,
    ]);
    this.pods.push({ ...spec, key: `${spec.namespace}/${spec.name}`, ips });
  }

  private async start(pod: LabPod): Promise<void> {
    const [file = '', ...args] = this.prefix(pod.key.replace('/', '-'));
    const command = [process.execPath, prober, pod.key, ...pod.ports.map(String)];
    const child = spawn(file, [...args, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
    const waiting = new Map<number, (r: ProbeResult[] | Error) => void>();
    child.once('exit', (code) => {
      for (const answer of waiting.values()) answer(new Error(`the program of pod ${pod.key} ended with ${code}`));
    });
    const lines = createInterface({ input: child.stdout });
    await once(lines, 'line');
    lines.on('line', (line) => {
      const { id, results } = JSON.parse(line) as ProbeReply;
      waiting.get(id)?.(results);
      waiting.delete(id);
    });
    this.programs.set(pod.key, { child, waiting });
  }
}
