// A cluster of its own with IPv6 beside IPv4: nodes, pods, Services and DNS have addresses of both families, and both work.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, run } from './lib/exec.js';

/** Beside the cluster of the other suites, and like it one of its own where another name is asked for. */
const name = process.env.KUBELAB_E2E_NAME ? `${process.env.KUBELAB_E2E_NAME.slice(0, 6)}ds` : 'dual';
const control = fileURLToPath(new URL('./control.js', import.meta.url));
const controlled = (...args: string[]) =>
  run(['env', `KUBELAB_E2E_NAME=${name}`, process.execPath, control, ...args], { timeoutMs: 1_200_000 });
const inside = (netns: string, ...command: string[]) => ['nsenter', `--net=/run/netns/${netns}`, '--', ...command];
const host = `kubelab-${name}-host`;
const kubectl = (args: string[], input?: string) =>
  run(
    inside(host, process.env.KUBECTL ?? 'kubectl', `--kubeconfig=/etc/kubelab-${name}/admin.kubeconfig`, ...args),
    input === undefined ? {} : { input },
  );
const isIpv6 = (address: string) => address.includes(':');
const urlOf = (address: string, port: number) => `http://${isIpv6(address) ? `[${address}]` : address}:${port}/`;

const service = {
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
  spec: {
    ...{ type: 'NodePort', ipFamilyPolicy: 'RequireDualStack', selector: { app: 'web' } },
    ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }],
  },
};

before(async () => {
  await controlled('up', '--dual-stack');
  await kubectl(['create', 'deployment', 'web', '--image=kubelab/httpd:1', '--replicas=2']);
  await kubectl(['apply', '-f', '-'], JSON.stringify(service));
  await kubectl(['rollout', 'status', 'deployment/web', '--timeout=300s']);
});

after(() => controlled('down'));

test('nodes and pods have an address of each family', async () => {
  const nodes = JSON.parse(await kubectl(['get', 'nodes', '-o', 'json'])) as {
    items: { spec: { podCIDRs: string[] }; status: { addresses: { type: string; address: string }[] } }[];
  };
  for (const { spec, status } of nodes.items) {
    const own = status.addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
    assert.deepEqual(
      [own.map(isIpv6), spec.podCIDRs.map(isIpv6)],
      [
        [false, true],
        [false, true],
      ],
    );
  }
  const pods = JSON.parse(await kubectl(['get', 'pods', '-l', 'app=web', '-o', 'json'])) as {
    items: { status: { podIPs: { ip: string }[] } }[];
  };
  for (const { status } of pods.items) {
    assert.deepEqual(
      status.podIPs.map(({ ip }) => isIpv6(ip)),
      [false, true],
    );
  }
});

test('cluster IPs and node ports of both families are answered by the pods of both nodes', async () => {
  const ips = (await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIPs[*]}'])).split(' ');
  assert.deepEqual(ips.map(isIpv6), [false, true]);
  const urls = [
    ...ips.map((ip) => urlOf(ip, 80)),
    ...['10.30.0.11', '10.30.0.12', 'fd00:10:30::b', 'fd00:10:30::c'].map((ip) => urlOf(ip, 30080)),
  ];
  for (const netns of [host, `${name}-node1`, `${name}-node2`]) {
    for (const url of urls) {
      const requests = Array.from({ length: 24 }, () => url);
      await eventually(async () => {
        const answers = await run(inside(netns, 'curl', '-gsS', '--fail', '--max-time', '30', ...requests));
        assert.equal(new Set(answers.trim().split('\n')).size, 2, `${url} from ${netns}`);
      });
    }
  }
});

test('a pod reaches the other family by name', async () => {
  const ip = (await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIPs[1]}'])).trim();
  const pod = (await kubectl(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
  await eventually(async () => {
    const lookUp = await kubectl(['exec', pod, '--', 'nslookup', '-type=aaaa', 'web.default.svc.cluster.local']);
    assert.ok(lookUp.includes(`Address: ${ip}\n`), lookUp);
    assert.match(await kubectl(['exec', pod, '--', 'timeout', '30', 'wget', '-qO-', urlOf(ip, 80)]), /^web-/);
  });
});
