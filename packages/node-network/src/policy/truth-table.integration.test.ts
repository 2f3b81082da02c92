// NetworkPolicies by truth tables, as Kubernetes' own suite (test/e2e/network/netpol) does it: nine pods in three
// namespaces on two nodes, each connecting to each, and what is expected computed by a model of its own (truth.ts).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { V1NetworkPolicy, V1NetworkPolicySpec, V1Pod } from '@kubelab/api';
import { createLogger } from '@kubelab/component-base';
import { Iptables } from '@kubelab/node-iptables';
import { PolicyEnforcer } from './policy-enforcer.js';
import { type LabPod, PolicyLab } from './testing/lab.js';
import type { Probe } from './testing/prober.js';
import { isAllowed } from './testing/truth.js';

const lab = new PolicyLab(`tt${process.pid}`, ['n1', 'n2']);
const logger = createLogger({ component: 'test', format: 'text', verbosity: 0 });
const namespaces = new Map(
  ['x', 'y', 'z'].map((name) => [name, { ns: name, 'kubernetes.io/metadata.name': name } as Record<string, string>]),
);
const protocols = ['TCP', 'UDP'] as const;
const families = ['ipv4', 'ipv6'] as const;
const ports = [80, 81];
// A connection that must fail is waited for as long as one over a few links can take; one that must come, for long.
const wait = { allowed: 60_000, denied: 200 };

interface Running {
  node: string;
  enforcer: PolicyEnforcer;
  stop(): Promise<void>;
}
const running: Running[] = [];
let policies: V1NetworkPolicy[] = [];

function podObject(p: LabPod): V1Pod {
  return {
    metadata: { name: p.name, namespace: p.namespace, labels: p.labels },
    spec: {
      nodeName: p.node,
      containers: [
        { name: 'c', ports: p.named.map((n) => ({ name: n.name, containerPort: n.port, protocol: n.protocol })) },
      ],
    },
    status: { phase: 'Running', podIP: p.ips.ipv4, podIPs: [{ ip: p.ips.ipv4 }, { ip: p.ips.ipv6 }] },
  };
}

function start(node: string): Running {
  const stop = new AbortController();
  const prefix = lab.prefix(node);
  const enforcer = new PolicyEnforcer({
    nodeName: node,
    iptables: new Map(families.map((family) => [family, new Iptables({ family, backend: 'nft', prefix })])),
    commandPrefix: prefix,
    logger,
    signal: stop.signal,
  });
  for (const [name, labels] of namespaces) enforcer.setNamespace(name, labels);
  for (const p of lab.pods) enforcer.setPod(podObject(p));
  for (const p of policies) enforcer.setPolicy(p);
  const run = enforcer.run();
  return {
    node,
    enforcer,
    async stop() {
      stop.abort();
      await run;
    },
  };
}

const all = async (change: (e: PolicyEnforcer) => void) => {
  for (const { enforcer } of running) change(enforcer);
  await Promise.all(running.map(({ enforcer }) => enforcer.settled()));
};

const policy = (namespace: string, name: string, spec: V1NetworkPolicySpec): V1NetworkPolicy => ({
  metadata: { namespace, name },
  spec,
});

/** Sets these policies in place of all before, and compares every connection with the model. */
async function check(...wanted: V1NetworkPolicy[]): Promise<void> {
  const before = policies;
  policies = wanted;
  await all((e) => {
    for (const p of before) {
      if (!wanted.some((w) => w.metadata?.name === p.metadata?.name && w.metadata?.namespace === p.metadata?.namespace))
        e.removePolicy(p);
    }
    for (const p of wanted) e.setPolicy(p);
  });
  await compare();
}

async function compare(): Promise<void> {
  lab.forgetFlows();
  const wrong: string[] = [];
  await Promise.all(
    lab.pods.map(async (from) => {
      const cases = lab.pods.flatMap((to) =>
        families.flatMap((family) =>
          protocols.flatMap((protocol) =>
            ports.map((port) => {
              const allowed = isAllowed({ from, to, family, protocol, port }, policies, namespaces);
              const timeoutMs = allowed ? wait.allowed : wait.denied;
              const probe: Probe = { host: to.ips[family], port, protocol, timeoutMs };
              return { probe, expected: allowed ? `open ${to.key}` : 'dropped', to };
            }),
          ),
        ),
      );
      const results = await lab.probe(
        from,
        cases.map((c) => c.probe),
      );
      for (const [i, { probe, expected, to }] of cases.entries()) {
        if (results[i] === expected) continue;
        wrong.push(
          `${from.key} to ${to.key} ${probe.host} ${probe.protocol} ${probe.port}: ${results[i]}, not ${expected}`,
        );
      }
    }),
  );
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} wrong`);
}

before(async () => {
  const pods = ['x', 'y', 'z'].flatMap((namespace, i) =>
    ['a', 'b', 'c'].map((name, j) => ({
      namespace,
      name,
      node: (i + j) % 2 === 0 ? 'n1' : 'n2',
      labels: { pod: name },
      ports,
      // The name `serve` stands for another port in each pod of the name b.
      named: [
        { name: 'serve', port: name === 'b' ? 81 : 80, protocol: 'TCP' },
        { name: 'serve-udp', port: name === 'c' ? 81 : 80, protocol: 'UDP' },
      ],
    })),
  );
  await lab.up(pods);
  running.push(start('n1'), start('n2'));
  await all(() => undefined);
});

after(async () => {
  await Promise.all(running.map((r) => r.stop()));
  lab.down();
});

const everyPod = { podSelector: {} };
const podA = { podSelector: { matchLabels: { pod: 'a' } } };
const ingress = (spec: Partial<V1NetworkPolicySpec>): V1NetworkPolicySpec => ({
  ...everyPod,
  policyTypes: ['Ingress'],
  ...spec,
});
const egress = (spec: Partial<V1NetworkPolicySpec>): V1NetworkPolicySpec => ({
  ...everyPod,
  policyTypes: ['Egress'],
  ...spec,
});

const cases: Record<string, V1NetworkPolicy[]> = {
  'no policy': [],
  'deny all ingress of a namespace': [policy('x', 'p', ingress({}))],
  'deny all egress of a namespace': [policy('x', 'p', egress({}))],
  'deny both': [policy('x', 'p', { ...everyPod, policyTypes: ['Ingress', 'Egress'] })],
  'types left out: ingress, and egress where there is a rule': [
    policy('x', 'p', everyPod),
    policy('y', 'p', { ...everyPod, egress: [{ to: [{ podSelector: {} }] }] }),
  ],
  'allow all ingress beside a denial': [
    policy('x', 'deny', ingress({})),
    policy('x', 'allow', ingress({ ingress: [{}] })),
  ],
  'allow all egress beside a denial': [policy('x', 'deny', egress({})), policy('x', 'allow', egress({ egress: [{}] }))],
  'from pods of the same namespace': [
    policy('x', 'p', ingress({ ingress: [{ from: [{ podSelector: { matchLabels: { pod: 'b' } } }] }] })),
  ],
  'from a namespace': [
    policy('x', 'p', ingress({ ...podA, ingress: [{ from: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }] }] })),
  ],
  'from pods of a namespace (and), or of another (or)': [
    policy(
      'x',
      'p',
      ingress({
        ...podA,
        ingress: [
          { from: [{ namespaceSelector: { matchLabels: { ns: 'y' } }, podSelector: { matchLabels: { pod: 'b' } } }] },
          {
            from: [{ namespaceSelector: { matchLabels: { ns: 'z' } } }, { podSelector: { matchLabels: { pod: 'c' } } }],
          },
        ],
      }),
    ),
  ],
  'match expressions of pods and namespaces': [
    policy(
      'x',
      'p',
      ingress({
        podSelector: { matchExpressions: [{ key: 'pod', operator: 'In', values: ['a', 'b'] }] },
        ingress: [
          {
            from: [
              {
                namespaceSelector: { matchExpressions: [{ key: 'ns', operator: 'NotIn', values: ['x'] }] },
                podSelector: {
                  matchExpressions: [
                    { key: 'pod', operator: 'NotIn', values: ['c'] },
                    { key: 'pod', operator: 'Exists' },
                  ],
                },
              },
            ],
          },
        ],
      }),
    ),
    policy(
      'y',
      'p',
      egress({
        podSelector: { matchExpressions: [{ key: 'gone', operator: 'DoesNotExist' }] },
        egress: [{ to: [{ namespaceSelector: {} }] }],
      }),
    ),
  ],
  'selectors that match none': [
    policy('x', 'p', ingress({ podSelector: { matchLabels: { pod: 'none' } } })),
    policy('y', 'p', ingress({ ingress: [{ from: [{ podSelector: { matchLabels: { pod: 'none' } } }] }] })),
  ],
  'numbered port of a protocol': [
    policy('x', 'p', ingress({ ingress: [{ ports: [{ port: 80 }, { port: 81, protocol: 'UDP' }] }] })),
  ],
  'protocol without a port': [policy('x', 'p', ingress({ ingress: [{ ports: [{ protocol: 'UDP' }] }] }))],
  'range of ports': [
    policy(
      'x',
      'p',
      ingress({
        ingress: [
          {
            ports: [
              { port: 81, endPort: 90 },
              { port: 70, endPort: 80, protocol: 'UDP' },
            ],
          },
        ],
      }),
    ),
  ],
  'named ports, another number in each pod: in': [
    policy('x', 'p', ingress({ ingress: [{ ports: [{ port: 'serve' }, { port: 'serve-udp', protocol: 'UDP' }] }] })),
  ],
  'named ports: out': [
    policy(
      'x',
      'p',
      egress({ egress: [{ to: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }], ports: [{ port: 'serve' }] }] }),
    ),
    policy('z', 'p', egress({ egress: [{ ports: [{ port: 'serve' }] }] })),
  ],
  'a name no port has': [policy('x', 'p', ingress({ ingress: [{ ports: [{ port: 'nothing' }] }] }))],
  'ports and peers together, several rules': [
    policy(
      'x',
      'p',
      ingress({
        ...podA,
        ingress: [
          { from: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }], ports: [{ port: 80 }] },
          { from: [{ namespaceSelector: { matchLabels: { ns: 'z' } } }], ports: [{ port: 81 }] },
        ],
      }),
    ),
  ],
  'policies add up, in both directions': [
    policy('x', 'deny', { ...everyPod, policyTypes: ['Ingress', 'Egress'] }),
    policy(
      'x',
      'in-80',
      ingress({
        ...podA,
        ingress: [{ from: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }], ports: [{ port: 80 }] }],
      }),
    ),
    policy('x', 'in-81', ingress({ ...podA, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 81 }] }] })),
    policy(
      'x',
      'out',
      egress({
        podSelector: { matchLabels: { pod: 'b' } },
        egress: [{ to: [{ podSelector: { matchLabels: { pod: 'a' } } }] }],
      }),
    ),
  ],
  'both ends must allow': [
    policy('x', 'out', egress({ egress: [{ to: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }] }] })),
    policy('y', 'in', ingress({ ingress: [{ from: [{ namespaceSelector: { matchLabels: { ns: 'z' } } }] }] })),
  ],
  'address blocks with exceptions, in and out': [
    policy(
      'x',
      'p',
      ingress({
        ingress: [{ from: [{ ipBlock: { cidr: '10.244.0.0/16', except: ['10.244.2.0/24', '10.244.1.3/32'] } }] }],
      }),
    ),
    policy(
      'y',
      'p',
      egress({
        egress: [
          {
            to: [
              { ipBlock: { cidr: 'fd00:244:1::/64', except: ['fd00:244:1::4/127'] } },
              { ipBlock: { cidr: '10.244.2.0/29' } },
            ],
          },
        ],
      }),
    ),
  ],
  'an exception does not cut into another peer or policy': [
    policy(
      'x',
      'p',
      ingress({
        ingress: [{ from: [{ ipBlock: { cidr: '10.244.0.0/16', except: ['10.244.1.0/24'] } }, { podSelector: {} }] }],
      }),
    ),
    policy('x', 'q', ingress({ ingress: [{ from: [{ ipBlock: { cidr: '10.244.1.0/28' } }], ports: [{ port: 81 }] }] })),
  ],
  'everything and everything but': [
    policy('x', 'p', ingress({ ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.244.2.0/24'] } }] }] })),
    policy('y', 'p', ingress({ ingress: [{ from: [{ ipBlock: { cidr: '::/0', except: ['fd00:244:2::/64'] } }] }] })),
  ],
};

for (const [name, wanted] of Object.entries(cases)) test(name, () => check(...wanted));

test('policies of all kinds at once', () =>
  check(
    ...Object.values(cases)
      .flat()
      .map((p, i) => ({ ...p, metadata: { ...p.metadata, name: `p${i}` } })),
  ));

test("changes: of a policy, of a pod's labels, of a namespace's labels, and deletion", async () => {
  const from = (ns: string) =>
    policy('x', 'p', ingress({ ...podA, ingress: [{ from: [{ namespaceSelector: { matchLabels: { ns } } }] }] }));
  await check(from('y'));
  await check(from('z'));
  const pod = lab.pods.find((p) => p.key === 'x/b') as LabPod;
  pod.labels = { pod: 'a' };
  await all((e) => e.setPod(podObject(pod)));
  await compare();
  pod.labels = { pod: 'b' };
  namespaces.set('y', { ns: 'z' });
  await all((e) => {
    e.setPod(podObject(pod));
    e.setNamespace('y', { ns: 'z' });
  });
  await compare();
  namespaces.set('y', { ns: 'y' });
  await all((e) => e.setNamespace('y', { ns: 'y' }));
  await compare();
  await check();
});

test('a Service: what counts is the endpoint, on whichever node; a pod reaches itself through it', async () => {
  const clusterIp = { ipv4: '10.96.0.10', ipv6: 'fd00:96::10' };
  const [endpoint, other] = ['y/b', 'y/c'].map((key) => lab.pods.find((p) => p.key === key)) as [LabPod, LabPod];
  const chains = (family: 'ipv4' | 'ipv6', op: string) => {
    const to = family === 'ipv6' ? `[${endpoint.ips.ipv6}]:80` : `${endpoint.ips.ipv4}:80`;
    const ip = endpoint.ips[family];
    const tool = family === 'ipv6' ? 'ip6tables' : 'iptables';
    for (const node of lab.nodes) {
      const nat = (...rule: string[]) => lab.onNode(node, tool, '-t', 'nat', op, ...rule);
      nat('PREROUTING', '-p', 'tcp', '-d', clusterIp[family], '--dport', '80', '-j', 'DNAT', '--to', to);
      nat('POSTROUTING', '-s', ip, '-d', ip, '-j', 'MASQUERADE');
    }
  };
  const through = async (from: LabPod, allowed: boolean) => {
    for (const family of families) {
      const timeoutMs = allowed ? wait.allowed : wait.denied;
      const [result] = await lab.probe(from, [{ host: clusterIp[family], port: 80, protocol: 'TCP', timeoutMs }]);
      assert.equal(result, allowed ? `open ${endpoint.key}` : 'dropped', `${from.key} ${family}`);
    }
  };
  for (const family of families) chains(family, '-A');
  try {
    const senders = lab.pods.filter((p) => p.namespace === 'x');
    await check(policy('x', 'p', egress({ egress: [{ to: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }] }] })));
    for (const from of senders) await through(from, true);
    await check(policy('x', 'p', egress({ egress: [{ to: [{ ipBlock: { cidr: '10.96.0.0/16' } }] }] })));
    for (const from of senders) await through(from, false);
    await check(policy('y', 'p', { ...everyPod, policyTypes: ['Ingress', 'Egress'] }));
    await through(endpoint, true);
    await through(other, false);
  } finally {
    for (const family of families) chains(family, '-D');
  }
});

test('a flow that was there before goes on, a new one is judged', async () => {
  const [from, to] = ['x/a', 'y/a'].map((key) => lab.pods.find((p) => p.key === key)) as [LabPod, LabPod];
  const flow = async (sourcePort: number, timeoutMs: number) => {
    const [result] = await lab.probe(from, [{ host: to.ips.ipv4, port: 80, protocol: 'UDP', sourcePort, timeoutMs }]);
    return result;
  };
  await check();
  // Answered once, and then once more from the same port: what conntrack calls established.
  for (let i = 0; i < 2; i++) assert.equal(await flow(40_000, wait.allowed), `open ${to.key}`);
  policies = [policy('y', 'p', ingress({}))];
  await all((e) => e.setPolicy(policies[0] as V1NetworkPolicy));
  assert.equal(await flow(40_000, wait.allowed), `open ${to.key}`);
  assert.equal(await flow(40_001, wait.denied), 'dropped');
});

const stopAll = async () => {
  await Promise.all(running.splice(0).map((r) => r.stop()));
};
const startAll = () => running.push(...lab.nodes.map(start));
const left = (node: string) => [
  lab.onNode(node, 'ipset', 'list', '-n'),
  ...['iptables-save', 'ip6tables-save'].map(
    (tool) =>
      lab
        .onNode(node, tool, '-t', 'mangle')
        .match(/^:KUBELAB-(?!POLICY).*/gm)
        ?.join() ?? '',
  ),
];

test('no gap and no residue around restarts', async () => {
  await check(...(cases['policies add up, in both directions'] ?? []));
  await stopAll();
  await compare();
  startAll();
  await Promise.all([compare(), all(() => undefined)]);
  await stopAll();
  policies = policies.slice(0, 2);
  startAll();
  await all(() => undefined);
  await compare();
  await stopAll();
  policies = [];
  startAll();
  await all(() => undefined);
  await compare();
  for (const node of lab.nodes) assert.deepEqual(left(node), ['', '', '']);
});

test('SCTP: by its rules, for this kernel may speak none', async () => {
  policies = [
    policy(
      'x',
      'p',
      ingress({
        ingress: [
          {
            ports: [
              { protocol: 'SCTP', port: 80, endPort: 90 },
              { protocol: 'SCTP', port: 'serve-sctp' },
            ],
          },
        ],
      }),
    ),
  ];
  const pod = lab.pods.find((p) => p.key === 'x/a') as LabPod;
  pod.named.push({ name: 'serve-sctp', port: 84, protocol: 'SCTP' });
  await all((e) => {
    e.setPod(podObject(pod));
    e.setPolicy(policies[0] as V1NetworkPolicy);
  });
  const rules = lab.onNode(pod.node, 'iptables-save', '-t', 'mangle');
  assert.match(rules, /-A KUBELAB-NI-\w+ -p sctp -m sctp --dport 80:90 -j MARK/);
  assert.match(lab.onNode(pod.node, 'ipset', 'save'), new RegExp(`${pod.ips.ipv4},sctp:84$`, 'm'));
  await compare();
});
