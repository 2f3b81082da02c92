import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Answers each HTTP request on 8080, and each UDP datagram, with `NAME PEER-ADDRESS`; on 8081 with `NAME:8081 PEER`. */
const serverSource = `
const name = process.argv[1];
const text = (a, port = '') => name + port + ' ' + a.replace('::ffff:', '');
const serve = (port) => require('http').createServer((q, s) => { s.setHeader('connection', 'close'); s.end(text(q.socket.remoteAddress, port)); });
const udp = require('dgram').createSocket({ type: 'udp6' });
udp.on('message', (m, r) => udp.send(text(r.address), r.port, r.address));
serve('').listen(8080, '::', () => serve(':8081').listen(8081, '::', () => udp.bind(8080, '::', () => console.log('up'))));
`;

/**
 * A node in a network namespace, with a bridge, pods on it, an outside client and another node's pod:
 *
 *     client 192.168.77.2 -- 192.168.77.1 node (bridge 10.244.1.1) -- p1 10.244.1.11, p2 10.244.1.12
 *                                         \\-- 192.168.78.1 -- far (10.244.2.11, another node's pod)
 *
 * IPv6: fd00:77::/64, fd00:244:1::/64, fd00:78::/64. Everything is in namespaces of this object's own.
 */
export class Lab {
  readonly node: string;
  private readonly names: string[] = [];
  private readonly servers: ChildProcess[] = [];

  constructor(id: string) {
    this.node = `${id}node`;
    this.names.push(this.node);
  }

  get prefix(): string[] {
    return ['ip', 'netns', 'exec', this.node];
  }

  async up(): Promise<void> {
    const { node } = this;
    this.ip('netns', 'add', node);
    this.in(node, 'ip', 'link', 'set', 'lo', 'up');
    this.in(node, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    this.in(
      node,
      'sysctl',
      '-qw',
      'net.ipv4.conf.all.rp_filter=0',
      'net.ipv6.conf.all.accept_dad=0',
      'net.ipv6.conf.default.accept_dad=0',
    );
    this.in(node, 'ip', 'link', 'add', 'cni0', 'type', 'bridge');
    this.in(node, 'ip', 'link', 'set', 'cni0', 'up');
    this.in(node, 'ip', 'addr', 'add', '10.244.1.1/24', 'dev', 'cni0');
    this.in(node, 'ip', 'addr', 'add', 'fd00:244:1::1/64', 'dev', 'cni0', 'nodad');
    for (const [pod, ip4, ip6] of [
      ['p1', '10.244.1.11/24', 'fd00:244:1::11/64'],
      ['p2', '10.244.1.12/24', 'fd00:244:1::12/64'],
    ] as const) {
      this.link(pod, [ip4, ip6], '10.244.1.1', 'fd00:244:1::1');
      this.in(node, 'ip', 'link', 'set', pod, 'master', 'cni0');
      this.in(node, 'bridge', 'link', 'set', 'dev', pod, 'hairpin', 'on');
    }
    this.link('client', ['192.168.77.2/24', 'fd00:77::2/64'], '192.168.77.1', 'fd00:77::1');
    this.in(node, 'ip', 'addr', 'add', '192.168.77.1/24', 'dev', 'client');
    this.in(node, 'ip', 'addr', 'add', 'fd00:77::1/64', 'dev', 'client', 'nodad');
    // Without a default route the node's own packets to a cluster IP fail before they reach the OUTPUT chain.
    this.in(node, 'ip', 'route', 'add', 'default', 'via', '192.168.77.2');
    this.link('far', ['192.168.78.2/24', '10.244.2.11/32'], '192.168.78.1', undefined);
    this.in(node, 'ip', 'addr', 'add', '192.168.78.1/24', 'dev', 'far');
    this.in(node, 'ip', 'route', 'add', '10.244.2.0/24', 'via', '192.168.78.2');
    await Promise.all(['p1', 'p2', 'far'].map((name) => this.serve(name)));
  }

  down(): void {
    for (const s of this.servers) s.kill('SIGKILL');
    for (const n of this.names) this.ip('netns', 'del', n);
  }

  ns(name: string): string {
    return name === 'node' ? this.node : `${this.node}-${name}`;
  }

  /** Runs a command in a namespace and returns what it prints; throws when it fails. */
  in(ns: string, ...command: string[]): string {
    return execFileSync('ip', ['netns', 'exec', ns, ...command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** `NAME PEER` as the server that the address leads to says, or `refused` or `timeout`. */
  async get(from: string, address: string, timeoutSeconds = 2): Promise<string> {
    const url = `http://${address}/`;
    try {
      const { stdout } = await exec('ip', [
        'netns',
        'exec',
        this.ns(from),
        'curl',
        '-gs',
        '-m',
        String(timeoutSeconds),
        url,
      ]);
      return stdout;
    } catch (e) {
      const code = (e as { code?: number }).code;
      return code === 7 ? 'refused' : code === 28 ? 'timeout' : `curl exit status ${code}`;
    }
  }

  /** The names of the servers that answer `n` requests, sorted, each once. */
  async spread(from: string, address: string, n = 12): Promise<string[]> {
    const names = new Set<string>();
    for (let left = n; left > 0; left -= 6) {
      const answers = await Promise.all(Array.from({ length: Math.min(left, 6) }, () => this.get(from, address)));
      for (const a of answers) names.add(a.split(' ')[0] ?? '');
    }
    return [...names].sort();
  }

  /** Answers to one UDP datagram sent from a fixed source port: `NAME PEER`, `refused` (by ICMP), or `timeout`. */
  async udp(from: string, ip: string, port: number, sourcePort: number): Promise<string> {
    const source = `
      const s = require('dgram').createSocket('udp4');
      s.on('message', (m) => { console.log(String(m)); process.exit(0); });
      s.on('error', (e) => { console.log(e.code === 'ECONNREFUSED' ? 'refused' : e.code); process.exit(0); });
      s.bind(${sourcePort}, () => s.connect(${port}, '${ip}', () => s.send('x')));
      setTimeout(() => { console.log('timeout'); process.exit(0); }, 1500);`;
    const { stdout } = await exec('ip', ['netns', 'exec', this.ns(from), process.execPath, '-e', source]);
    return stdout.trim();
  }

  private ip(...args: string[]): void {
    execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  private link(name: string, addresses: string[], gateway4: string, gateway6: string | undefined): void {
    const ns = this.ns(name);
    this.ip('netns', 'add', ns);
    this.names.push(ns);
    this.in(this.node, 'ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns);
    this.in(this.node, 'ip', 'link', 'set', name, 'up');
    this.in(ns, 'sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.eth0.accept_dad=0');
    this.in(ns, 'ip', 'link', 'set', 'lo', 'up');
    this.in(ns, 'ip', 'link', 'set', 'eth0', 'up');
    for (const a of addresses)
      this.in(ns, 'ip', 'addr', 'add', a, 'dev', 'eth0', ...(a.includes(':') ? ['nodad'] : []));
    this.in(ns, 'ip', 'route', 'add', 'default', 'via', gateway4);
    if (gateway6) this.in(ns, 'ip', '-6', 'route', 'add', 'default', 'via', gateway6);
  }

  private serve(name: string): Promise<void> {
    const child = spawn('ip', ['netns', 'exec', this.ns(name), process.execPath, '-e', serverSource, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.servers.push(child);
    return new Promise((resolve, reject) => {
      child.stdout?.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`server ${name} ended: ${code}`)));
    });
  }
}
