// Services, DNS, policies, load balancers and Ingress by real traffic: from pods of both nodes, from the nodes, and from
// the world outside, which here has a route to the nodes' network as a router beside the cluster would give it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { getJson, kubectl, kubectlInput, kubelab, type Pod, tryKubectl } from './lib/cluster.js';
import { eventually, type Result, run, tryRun } from './lib/exec.js';
import { onNode, outside, outsideAddress, removeRouteToLab, routeToLab } from './lib/machine.js';
import { ingress, networkObjects, policy, webPod } from './lib/net-objects.js';

interface Service {
  spec: { clusterIP: string; ports: { nodePort: number }[] };
  status: { loadBalancer: { ingress?: { ip: string }[] } };
}

const namespace = 'network';
const kubectlIn = (...args: string[]) => kubectl('-n', namespace, ...args);
const apply = (...objects: object[]) =>
  kubectlInput(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), '-n', namespace, 'apply', '-f', '-');
const service = (name: string) => getJson<Service>('service', name, '-n', namespace);
const addressOf = async (name: string) => (await getJson<Pod>('pod', name, '-n', namespace)).status.podIP ?? '';
/** Long: the machine may be busy. What must not be answered is asked with `briefly`. */
const patience = 30;
const curl = (...args: string[]) => ['curl', '-sS', '--fail', '--max-time', `${patience}`, ...args];
const briefly = (url: string) => ['curl', '-sS', '--fail', '--max-time', '3', url];

/** Requests a URL so often from a pod that each of two endpoints answers; gives the names that answered. */
async function answersIn(pod: string, url: string, times = 24): Promise<Set<string>> {
  const loop = `for i in $(seq ${times}); do timeout ${patience} wget -qO- ${url} || echo failed; done`;
  return names(await kubectlIn('exec', pod, '--', 'sh', '-c', loop));
}

/** The same with commands on a node or outside. */
async function answersOf(wrap: (command: string[]) => string[], url: string, times = 24): Promise<Set<string>> {
  return names(await run(wrap(curl(...Array.from({ length: times }, () => url)))));
}

const names = (output: string) => new Set(output.trim().replaceAll(/ v\d+/g, '').split('\n'));
const both = new Set(['web-1', 'web-2']);

/** One request out of a pod; its exit code tells whether it was answered. */
const request = (pod: string, url: string, seconds = patience): Promise<Result> =>
  tryKubectl('-n', namespace, 'exec', pod, '--', 'timeout', `${seconds}`, 'wget', '-qO-', url);
const reaches = (pod: string, url: string) =>
  eventually(async () => assert.equal((await request(pod, url)).code, 0, `${pod} reaches ${url}`));
const isKeptFrom = (pod: string, url: string) =>
  eventually(async () => assert.notEqual((await request(pod, url, 2)).code, 0, `${pod} does not reach ${url}`));

before(async () => {
  await routeToLab();
  await kubectl('create', 'namespace', namespace);
  await apply(...networkObjects());
  await kubectlIn('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=300s');
});

after(async () => {
  await removeRouteToLab();
  await kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=300s');
});

test('ClusterIP: pods of both nodes and the nodes themselves reach the endpoints of both nodes', async () => {
  const { clusterIP } = (await service('web')).spec;
  const url = `http://${clusterIP}/`;
  await eventually(async () => {
    const seen = await Promise.all([
      ...[answersIn('client-1', url), answersIn('client-2', url)],
      ...['node1', 'node2'].map((node) => answersOf((command) => onNode(node, command), url)),
    ]);
    assert.deepEqual(seen, [both, both, both, both]);
  });
});

test('NodePort: every node answers the world outside, for endpoints of both nodes', async () => {
  const port = (await service('web')).spec.ports[0]?.nodePort;
  for (const node of ['10.30.0.11', '10.30.0.12']) {
    await eventually(async () => assert.deepEqual(await answersOf(outside, `http://${node}:${port}/`), both, node));
  }
});

test('externalTrafficPolicy Local: the client keeps its address; a node without endpoints does not answer', async () => {
  const port = (await service('local')).spec.ports[0]?.nodePort;
  await eventually(async () =>
    assert.deepEqual(await answersOf(outside, `http://10.30.0.11:${port}/`, 1), new Set(['web-1'])),
  );
  await eventually(async () => assert.ok((await kubectlIn('logs', 'web-1')).includes(outsideAddress)));
  assert.notEqual((await tryRun(outside(briefly(`http://10.30.0.12:${port}/`)))).code, 0);
});

test('session affinity: a client stays with one endpoint', async () => {
  const url = `http://${(await service('sticky')).spec.clusterIP}/`;
  await eventually(async () => assert.equal((await answersIn('client-1', url)).size, 1));
  await eventually(async () => assert.equal((await answersOf((command) => onNode('node1', command), url)).size, 1));
});

test('hairpin: a pod reaches itself through its Service', async () => {
  const url = `http://${(await service('self')).spec.clusterIP}/`;
  await eventually(async () => assert.deepEqual(await answersIn('web-1', url, 3), new Set(['web-1'])));
});

test('a Service without endpoints refuses at once', async () => {
  const { clusterIP } = (await service('empty')).spec;
  const fromPod = await request('client-1', `http://${clusterIP}/`);
  assert.match(fromPod.stderr, /refused/);
  const fromNode = await tryRun(onNode('node1', curl(`http://${clusterIP}/`)));
  assert.match(fromNode.stderr, /refused|Couldn't connect|Failed to connect/);
});

test('hostPort: the node answers for the pod, the other node does not', async () => {
  await apply(webPod('host-port', 'node2', 18080));
  await kubectlIn('wait', '--for=condition=Ready', 'pod/host-port', '--timeout=300s');
  await eventually(async () =>
    assert.deepEqual(await answersOf(outside, 'http://10.30.0.12:18080/', 1), new Set(['host-port'])),
  );
  assert.notEqual((await tryRun(outside(briefly('http://10.30.0.11:18080/')))).code, 0);
  await kubectlIn('delete', 'pod', 'host-port', '--wait=false');
});

test('DNS names from a pod: search domains, headless Services, host names, SRV, PTR, ExternalName, NXDOMAIN', async () => {
  const { clusterIP } = (await service('web')).spec;
  const [first, second] = [await addressOf('web-1'), await addressOf('web-2')];
  const says = (type: string, name: string, ...texts: (string | RegExp)[]) =>
    eventually(async () => {
      const { stdout } = await tryKubectl('-n', namespace, 'exec', 'client-2', '--', 'nslookup', `-type=${type}`, name);
      for (const text of texts) {
        assert.ok(typeof text === 'string' ? stdout.includes(text) : text.test(stdout), `${text} is not in ${stdout}`);
      }
    });
  for (const name of ['web', 'web.network', 'web.network.svc', 'alias', 'web-1.headless:8080']) {
    await reaches('client-1', `http://${name}/`);
  }
  const domain = 'network.svc.cluster.local';
  await says('a', `web.${domain}`, `Address: ${clusterIP}\n`);
  await says('a', `headless.${domain}`, `Address: ${first}\n`, `Address: ${second}\n`);
  await says('a', `web-2.headless.${domain}`, `Address: ${second}\n`);
  const servers = ['web-1', 'web-2'].map((pod) => new RegExp(`service = 0 \\d+ 8080 ${pod}\\.headless\\.${domain}`));
  await says('srv', `_http._tcp.headless.${domain}`, ...servers);
  await says('cname', `alias.${domain}`, `canonical name = web.${domain}`);
  const reverse = `${clusterIP.split('.').reverse().join('.')}.in-addr.arpa`;
  await says('ptr', reverse, `name = web.${domain}`);
  await says('a', `nothing.${domain}`, 'NXDOMAIN');
});

test('NetworkPolicy: ingress is denied on both nodes, then allowed to one client', async () => {
  const urls = [`http://${await addressOf('web-1')}:8080/`, `http://${await addressOf('web-2')}:8080/`];
  const pairs = ['client-1', 'client-2'].flatMap((pod) => urls.map((url) => [pod, url] as const));
  await Promise.all(pairs.map(([pod, url]) => reaches(pod, url)));
  await apply(policy('deny', { app: 'web' }, { policyTypes: ['Ingress'] }));
  await Promise.all(pairs.map(([pod, url]) => isKeptFrom(pod, url)));
  const from = [{ podSelector: { matchLabels: { pod: 'client-1' } } }];
  await apply(policy('allow', { app: 'web' }, { ingress: [{ from, ports: [{ port: 'http' }] }] }));
  await Promise.all(urls.map((url) => reaches('client-1', url)));
  await Promise.all(urls.map((url) => isKeptFrom('client-2', url)));
  // Through a Service it is the same: policies see the pods.
  const viaService = `http://${(await service('web')).spec.clusterIP}/`;
  await reaches('client-1', viaService);
  await isKeptFrom('client-2', viaService);
  await kubectlIn('delete', 'networkpolicy', '--all');
  await Promise.all(pairs.map(([pod, url]) => reaches(pod, url)));
});

test('NetworkPolicy: egress is denied on both nodes, then allowed to one server', async () => {
  const urls = [`http://${await addressOf('web-1')}:8080/`, `http://${await addressOf('web-2')}:8080/`] as const;
  await apply(policy('deny', { app: 'client' }, { policyTypes: ['Egress'] }));
  const pairs = ['client-1', 'client-2'].flatMap((pod) => urls.map((url) => [pod, url] as const));
  await Promise.all(pairs.map(([pod, url]) => isKeptFrom(pod, url)));
  const to = [{ podSelector: { matchLabels: { pod: 'web-2' } } }];
  await apply(policy('allow', { app: 'client' }, { policyTypes: ['Egress'], egress: [{ to }] }));
  await Promise.all(['client-1', 'client-2'].map((pod) => reaches(pod, urls[1])));
  await Promise.all(['client-1', 'client-2'].map((pod) => isKeptFrom(pod, urls[0])));
  await kubectlIn('delete', 'networkpolicy', '--all');
  await Promise.all(pairs.map(([pod, url]) => reaches(pod, url)));
});

const loadBalancerAddress = (name: string) =>
  eventually(async () => {
    const ip = (await service(name)).status.loadBalancer.ingress?.[0]?.ip ?? '';
    assert.match(ip, /^10\.30\.0\.2\d\d$/, 'an address of the pool');
    return ip;
  });

test('LoadBalancer: an address of the pool, announced by one node, answers the world outside', async () => {
  const ip = await loadBalancerAddress('balanced');
  await eventually(async () => assert.deepEqual(await answersOf(outside, `http://${ip}/`), both));
  await eventually(async () => {
    const held = await Promise.all(
      ['node1', 'node2'].map((node) => run(onNode(node, ['ip', '-4', 'address', 'show', 'to', ip]))),
    );
    assert.equal(held.filter((text) => text.includes(ip)).length, 1, 'one node holds it');
  });
});

test('LoadBalancer with policy Local: the node with the endpoint holds the address, the client keeps its own', async () => {
  const ip = await loadBalancerAddress('preserving');
  await eventually(async () => assert.deepEqual(await answersOf(outside, `http://${ip}/`, 4), new Set(['web-2'])));
  assert.match(await run(onNode('node2', ['ip', '-4', 'address', 'show', 'to', ip])), new RegExp(ip));
  await eventually(async () => assert.ok((await kubectlIn('logs', 'web-2')).includes(outsideAddress)));
});

test('Ingress: hosts, paths and TLS at the address of its Service, which is in its status', async () => {
  const host = 'web.example.org';
  const dir = mkdtempSync(`${tmpdir()}/kubelab-e2e-`);
  try {
    await run([
      ...['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${host}`],
      ...['-addext', `subjectAltName=DNS:${host}`, '-keyout', `${dir}/key`, '-out', `${dir}/crt`],
    ]);
    await kubectlIn('create', 'secret', 'tls', 'web-tls', `--key=${dir}/key`, `--cert=${dir}/crt`);
    await apply(ingress(host, 'web-tls'));
    const front = await getJson<Service>('service', 'ingress-nginx', '-n', 'kube-system');
    const ip = front.status.loadBalancer.ingress?.[0]?.ip ?? '';
    await eventually(async () => {
      const { status } = await getJson<Service>('ingress', 'web', '-n', namespace);
      assert.equal(status.loadBalancer.ingress?.[0]?.ip, ip);
    });
    const secure = (path: string) =>
      curl('--cacert', `${dir}/crt`, '--resolve', `${host}:443:${ip}`, `https://${host}${path}`);
    const answers = async (path: string) => {
      const seen = new Set<string>();
      for (let i = 0; i < 12; i++) {
        for (const name of names(await run(outside(secure(path))))) {
          seen.add(name);
        }
      }
      return seen;
    };
    await eventually(async () => assert.deepEqual(await answers('/'), both));
    assert.deepEqual(await answers('/index.html'), new Set(['web-1']));
    const plain = await run(
      outside(['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '-H', `Host: ${host}`, `http://${ip}/`]),
    );
    assert.equal(plain, '308', 'with TLS, plain HTTP is sent there');
    const other = await run(outside(['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', `http://${ip}/`]));
    assert.equal(other, '404', 'no host of ours');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('an addon that is disabled is gone, and comes back when it is enabled', async () => {
  const isThere = async () => (await tryKubectl('-n', 'kube-system', 'get', 'daemonset', 'ingress-nginx')).code === 0;
  assert.match(await kubelab('addon', 'list'), /ingress +yes/);
  await kubelab('addon', 'disable', 'ingress');
  assert.equal(await isThere(), false);
  assert.match(await kubelab('addon', 'enable', 'ingress'), /addon ingress is ready/);
  assert.equal(await isThere(), true);
});
