import { run } from '@kubelab/node-iptables';
import { type IpFamily, joinAddress, type Protocol } from './model/types.js';

/** Where flows to a service port may lead. */
export interface FlowTarget {
  protocol: Protocol;
  /** Cluster IP, external IPs, load balancer addresses. */
  addresses: readonly string[];
  port: number;
  /** 0: none. */
  nodePort: number;
  /** `ip:port` of all endpoints that serve, wherever they are and whether or not they get new traffic; none for a port that is gone. */
  endpoints: ReadonlySet<string>;
}

/** A tracked flow: what the client sent to, and who answers. */
export interface Flow {
  protocol: string;
  destination: string;
  destinationPort: number;
  replySource: string;
  replyPort: number;
}

/** TCP connections are left to end by themselves; UDP flows and SCTP associations would go on to nobody for ever. */
export function needsCleanup(protocol: Protocol): boolean {
  return protocol === 'udp' || protocol === 'sctp';
}

const flowLine = /^(\S+) .*?\bdst=(\S+) sport=\d+ dport=(\d+) .*?\bsrc=(\S+) dst=\S+ sport=(\d+) dport=\d+/;

/** Reads what `conntrack -L` prints. Lines of protocols without ports are left out. */
export function parseFlows(text: string): Flow[] {
  const flows: Flow[] = [];
  for (const line of text.split('\n')) {
    const m = flowLine.exec(line);
    if (!m) continue;
    const [, protocol = '', destination = '', destinationPort, replySource = '', replyPort] = m;
    flows.push({
      protocol,
      destination,
      destinationPort: Number(destinationPort),
      replySource,
      replyPort: Number(replyPort),
    });
  }
  return flows;
}

/**
 * The `conntrack -D` filters, one command each, for the flows to Services that no serving endpoint answers
 * (kube-proxy 1.32 and later): the endpoint went, or there was none, or no Service yet, when the flow began. Flows to
 * endpoints that merely get no new traffic go on, as TCP connections do.
 */
export function staleFilters(flows: readonly Flow[], targets: readonly FlowTarget[]): string[][] {
  const byAddress = new Map<string, Set<string>>();
  const add = (key: string, endpoints: ReadonlySet<string>) => {
    const all = byAddress.get(key) ?? new Set();
    byAddress.set(key, all);
    for (const e of endpoints) all.add(e);
  };
  for (const t of targets) {
    for (const a of t.addresses) add(`${t.protocol} ${joinAddress(a, t.port)}`, t.endpoints);
    if (t.nodePort !== 0) add(`${t.protocol} :${t.nodePort}`, t.endpoints);
  }
  const filters = new Map<string, string[]>();
  for (const f of flows) {
    const { protocol, destinationPort: port } = f;
    const isAddress = byAddress.get(`${protocol} ${joinAddress(f.destination, port)}`);
    const endpoints = isAddress ?? byAddress.get(`${protocol} :${port}`);
    if (!endpoints || endpoints.has(joinAddress(f.replySource, f.replyPort))) continue;
    const filter = ['-p', protocol, '--orig-dst', f.destination, '--orig-port-dst', String(port)];
    filter.push('--reply-src', f.replySource, '--reply-port-src', String(f.replyPort));
    filters.set(filter.join(' '), filter);
  }
  return [...filters.values()];
}

/** Deletes the stale flows of these targets with the conntrack tool. Rejects if it can't be run. Returns how many kinds. */
export async function cleanFlows(
  targets: readonly FlowTarget[],
  family: IpFamily,
  prefix: string[] = [],
): Promise<number> {
  const protocols = new Set(targets.map((t) => t.protocol));
  let count = 0;
  for (const protocol of protocols) {
    const list = await conntrack([...prefix, 'conntrack', '-L', '-f', family, '-p', protocol]);
    const filters = staleFilters(parseFlows(list), targets);
    for (const filter of filters) await conntrack([...prefix, 'conntrack', '-D', '-f', family, ...filter]);
    count += filters.length;
  }
  return count;
}

async function conntrack(argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(argv);
  // Status 1 with this text: the flows ended by themselves meanwhile.
  if (code === 0 || /\b0 flow entries have been/.test(stderr)) return stdout;
  throw new Error(`${argv.join(' ')}: exit status ${code}: ${stderr.trim()}`);
}
