// Time and CPU of a change of NetworkPolicies: node test/bench/network-policy.mjs [--pods 1000] [--local 110] [--policies 200]
// Until the rules are in the kernel, IPv4 and IPv6. As root, in a network namespace of its own: nothing of the machine's
// rules is touched. CPU is that of this process and of its children (iptables-restore, ipset), kernel time included.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createLogger } from '../../packages/component-base/dist/index.js';
import { detectBackend, Iptables } from '../../packages/node-iptables/dist/index.js';
import { PolicyEnforcer } from '../../packages/node-network/dist/index.js';

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '1000' },
    local: { type: 'string', default: '110' },
    policies: { type: 'string', default: '200' },
    changes: { type: 'string', default: '20' },
    inside: { type: 'boolean', default: false },
  },
});

if (!values.inside) {
  const ns = `npbench${process.pid}`;
  execFileSync('ip', ['netns', 'add', ns]);
  try {
    const self = [process.execPath, new URL(import.meta.url).pathname, '--inside', ...process.argv.slice(2)];
    process.exitCode = spawnSync('ip', ['netns', 'exec', ns, ...self], { stdio: 'inherit' }).status ?? 1;
  } finally {
    execFileSync('ip', ['netns', 'del', ns]);
  }
  process.exit();
}

const [podCount, local, policyCount, changes] = ['pods', 'local', 'policies', 'changes'].map((n) => Number(values[n]));
const namespaceCount = 20;
const stop = new AbortController();
const backend = await detectBackend();
const enforcer = new PolicyEnforcer({
  nodeName: 'n0',
  iptables: new Map(['ipv4', 'ipv6'].map((family) => [family, new Iptables({ family, backend })])),
  logger: createLogger({ component: 'bench', format: 'text', verbosity: 0 }),
  signal: stop.signal,
});

const namespaceOf = (i) => `ns${i % namespaceCount}`;
const pod = (i, labels = {}) => {
  const ips = [`10.244.${i >> 8}.${i & 255}`, `fd00:244::${i.toString(16)}`];
  return {
    metadata: {
      name: `pod${i}`,
      namespace: namespaceOf(i),
      labels: { app: `app${i % 10}`, tier: `t${i % 3}`, ...labels },
    },
    spec: {
      nodeName: i < local ? 'n0' : 'n1',
      containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080 }] }],
    },
    status: { phase: 'Running', podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) },
  };
};
// The usual ones: deny, from the same namespace, from another, address blocks, egress to a named port.
const kinds = [
  () => ({ podSelector: {}, policyTypes: ['Ingress'] }),
  (i) => ({ podSelector: { matchLabels: { app: `app${i % 10}` } }, ingress: [{ from: [{ podSelector: {} }] }] }),
  (i) => ({
    podSelector: { matchLabels: { app: `app${i % 10}` } },
    ingress: [
      {
        from: [
          {
            namespaceSelector: { matchLabels: { name: namespaceOf(i + 1) } },
            podSelector: { matchLabels: { tier: 't1' } },
          },
        ],
        ports: [{ port: 8080 }],
      },
    ],
  }),
  () => ({
    podSelector: { matchLabels: { tier: 't2' } },
    ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }],
  }),
  (i) => ({
    podSelector: { matchLabels: { tier: 't0' } },
    policyTypes: ['Egress'],
    egress: [{ to: [{ namespaceSelector: { matchLabels: { team: `team${i % 4}` } } }], ports: [{ port: 'web' }] }],
  }),
];
const policy = (i, round = 0) => ({
  metadata: { name: `p${i}`, namespace: namespaceOf(i) },
  spec: kinds[Math.floor(i / namespaceCount + round) % kinds.length](i),
});

/** Milliseconds of CPU of this process and of children that have ended. */
function cpuMs() {
  const fields = readFileSync('/proc/self/stat', 'utf8').replace(/.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) * 10;
}

async function measure(name, times, change) {
  const took = [];
  const cpu = cpuMs();
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    change(i);
    await enforcer.settled();
    took.push(performance.now() - start);
  }
  took.sort((a, b) => a - b);
  const at = (q) => took[Math.min(took.length - 1, Math.floor(took.length * q))].toFixed(0);
  console.log(`${name.padEnd(34)} p50 ${at(0.5)} ms, max ${at(1)} ms, CPU ${((cpuMs() - cpu) / times).toFixed(0)} ms`);
}

for (let i = 0; i < namespaceCount; i++) enforcer.setNamespace(`ns${i}`, { name: `ns${i}`, team: `team${i % 4}` });
for (let i = 0; i < podCount; i++) enforcer.setPod(pod(i));
for (let i = 0; i < policyCount; i++) enforcer.setPolicy(policy(i));
console.log(`${podCount} pods, ${local} of them on this node, ${policyCount} policies, back end ${backend}`);
const running = enforcer.run();
await measure('first sync', 1, () => undefined);
await measure('a policy changes', changes, (i) => enforcer.setPolicy(policy(3, i + 1)));
await measure("a remote pod's labels change", changes, (i) =>
  enforcer.setPod(pod(podCount - 1, { tier: `t${i % 3}` })),
);
await measure("a local pod's labels change", changes, (i) => enforcer.setPod(pod(3, { app: `app${i % 10}` })));
await measure('a pod comes or goes', changes, (i) =>
  i % 2 ? enforcer.removePod(pod(podCount)) : enforcer.setPod(pod(podCount)),
);
await measure("a namespace's labels change", changes, (i) =>
  enforcer.setNamespace('ns1', { name: 'ns1', team: `team${i % 4}` }),
);
console.log(`memory ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
stop.abort();
await running;
