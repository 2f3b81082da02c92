// `kubelab up` without a lab: the machine itself is the node, beside rules of others on it, which are left as they are.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';

// A machine of its own beside that of the other suites; read when the libraries are loaded.
process.env.KUBELAB_E2E_NAME = process.env.KUBELAB_E2E_NAME
  ? `${process.env.KUBELAB_E2E_NAME.slice(0, 6)}om`
  : 'single';
process.env.HOME = mkdtempSync(`${tmpdir()}/kubelab-home-`);
const { getJson, kubectl, kubectlInput, kubelab } = await import('./lib/cluster.js');
const { eventually, run, tryRun } = await import('./lib/exec.js');
const { createMachine, onHost, removeMachine } = await import('./lib/machine.js');

/** What a firewall of the machine's owner might have, in the tables and chains that Kubernetes hooks into too. */
const foreign = {
  iptables: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:OWNER - [0:0]
-A INPUT -p tcp -m tcp --dport 9 -j OWNER
-A FORWARD -s 192.0.2.0/24 -j OWNER
-A OUTPUT -d 192.0.2.1/32 -m comment --comment "the owner's" -j REJECT --reject-with icmp-port-unreachable
-A OWNER -m set --match-set owner src -j RETURN
-A OWNER -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:OWNER - [0:0]
-A PREROUTING -p tcp -m tcp --dport 8088 -j OWNER
-A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE
-A OWNER -p tcp -j DNAT --to-destination 192.0.2.7:80
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A FORWARD -d 192.0.2.0/24 -j MARK --set-xmark 0x100/0x100
COMMIT
`,
  ip6tables: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 2001:db8::/32 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
`,
  nft: `table inet owner {
	chain guard {
		type filter hook forward priority filter - 5; policy accept;
		ip saddr 192.0.2.9 drop
	}
}
`,
};

/** Every rule on the machine, and its links, routes and sets, without counters. */
async function saves(): Promise<Record<string, string[]>> {
  const commands = {
    iptables: ['iptables-save'],
    ip6tables: ['ip6tables-save'],
    'nft tables': ['nft', 'list', 'tables'],
    'nft owner': ['nft', 'list', 'table', 'inet', 'owner'],
    sets: ['ipset', 'save'],
    routes: ['ip', 'route'],
    'IPv6 routes': ['ip', '-6', 'route'],
    rules: ['ip', 'rule'],
    links: ['ip', '-br', 'address'],
  };
  const entries = Object.entries(commands).map(async ([name, command]) => [name, lines(await run(onHost(command)))]);
  return Object.fromEntries(await Promise.all(entries));
}

/** A link has its IPv6 address and route some time after it was set up: what is compared must not change by itself. */
async function linksAreUp(): Promise<void> {
  const isOff = (await tryRun(onHost(['sysctl', '-n', 'net.ipv6.conf.world.disable_ipv6']))).stdout.trim() !== '0';
  await eventually(async () => {
    assert.match(await run(onHost(['ip', '-o', 'link', 'show', 'world'])), /state UP/);
    if (isOff) return;
    assert.match(await run(onHost(['ip', '-6', '-o', 'address', 'show', 'dev', 'world', '-tentative'])), /fe80/);
    assert.match(await run(onHost(['ip', '-6', 'route', 'show', 'dev', 'world'])), /fe80/);
  });
}

const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/\[\d+:\d+\]/, '').trimEnd());

/** What of the owner's lines is there, in order. */
const ownerLines = (all: string[]) => all.filter((line) => /OWNER|owner|192\.0\.2\.|2001:db8/.test(line));

let atFirst: Record<string, string[]>;

before(async () => {
  await removeMachine();
  await createMachine();
  await linksAreUp();
  await run(onHost(['ipset', 'create', 'owner', 'hash:ip']));
  await run(onHost(['ipset', 'add', 'owner', '192.0.2.3']));
  await run(onHost(['iptables-restore']), { input: foreign.iptables });
  await run(onHost(['ip6tables-restore']), { input: foreign.ip6tables });
  await run(onHost(['nft', '-f', '-']), { input: foreign.nft });
  atFirst = await saves();
  await kubelab('up', '--docker=own');
});

after(async () => {
  const result = await tryRun(onHost(['true']));
  if (result.code === 0) {
    await kubelab('down');
  }
  await removeMachine();
  rmSync(process.env.HOME ?? '', { recursive: true });
});

const same = async () => {
  const now = await saves();
  for (const [name, all] of Object.entries(atFirst)) {
    assert.deepEqual(ownerLines(now[name] ?? []), ownerLines(all), name);
  }
};

test("the owner's rules are there after `up`, and after Services and policies came and went", async () => {
  await same();
  await kubectl('create', 'deployment', 'web', '--image=kubelab/httpd', '--replicas=2');
  await kubectl('expose', 'deployment', 'web', '--port=80', '--target-port=8080', '--type=NodePort');
  await kubectl('rollout', 'status', 'deployment/web', '--timeout=300s');
  const deny = { podSelector: { matchLabels: { app: 'nobody' } }, policyTypes: ['Ingress'] };
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'deny' }, spec: deny };
  await kubectlInput(JSON.stringify(policy), 'apply', '-f', '-');
  const { spec } = await getJson<{ spec: { clusterIP: string } }>('service', 'web');
  await eventually(() => run(onHost(['curl', '-sS', '--fail', '--max-time', '30', `http://${spec.clusterIP}/`])));
  await same();
  await kubectl('delete', 'networkpolicy', 'deny');
  await kubectl('delete', 'service', 'web');
  await same();
});

test('down leaves the machine as it was before', async () => {
  await kubelab('down');
  assert.deepEqual(await saves(), atFirst);
});
