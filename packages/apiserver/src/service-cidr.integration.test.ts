import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Answer, TestApiServer } from './testing/test-api-server.js';

const services = '/api/v1/namespaces/default/services';
const addresses = '/apis/networking.k8s.io/v1/ipaddresses';
const cidrs = '/apis/networking.k8s.io/v1/servicecidrs';

const cidrObject = (name: string, ...ranges: string[]) => ({ metadata: { name }, spec: { cidrs: ranges } });
const addressObject = (name: string, parentRef: object, labels = {}) => ({
  metadata: { name, labels },
  spec: { parentRef },
});
const allocatorLabels = (family: string) => ({
  'ipaddress.kubernetes.io/ip-family': family,
  'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
});

/** Asks until the answer is as wanted; fails with the last one after two minutes. */
async function eventually(ask: () => Promise<Answer>, wanted: (answer: Answer) => boolean): Promise<Answer> {
  for (const deadline = Date.now() + 120_000; ; ) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > deadline) assert.fail(`not in time: ${answer.status} ${answer.text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('cluster IPs are IPAddress objects of ServiceCIDRs', () => {
  let one: TestApiServer;
  let two: TestApiServer;
  before(async () => {
    // Six addresses of IPv4: 10.20.0.1 to 10.20.0.6.
    const flags = ['--service-cluster-ip-range=10.20.0.0/29,fd00:20::/112'];
    one = await TestApiServer.start(flags);
    two = await TestApiServer.start(flags, one);
  });
  after(async () => {
    await two?.remove();
    await one?.remove();
  });

  const make = (server: TestApiServer, name: string, spec: object = {}, query = '') =>
    server.ask(services + query, {
      body: { metadata: { name }, spec: { ports: [{ port: 80 }], selector: { a: 'b' }, ...spec } },
    });
  const remove = (name: string) => one.ask(`${services}/${name}`, { method: 'DELETE' });
  const read = (address: string) => one.ask(`${addresses}/${address}`);
  const eventsAbout = async (name: string) =>
    one.ask(`/api/v1/events?fieldSelector=${encodeURIComponent(`involvedObject.name=${name}`)}`);

  test('the default ServiceCIDR, and the address of default/kubernetes', async () => {
    const { json } = await one.ask(`${cidrs}/kubernetes`);
    assert.deepEqual(json.spec, { cidrs: ['10.20.0.0/29', 'fd00:20::/112'] });
    const [ready] = json.status.conditions;
    assert.equal(
      `${ready.type}=${ready.status}: ${ready.message}`,
      'Ready=True: Kubernetes default Service CIDR is ready',
    );
    const first = await read('10.20.0.1');
    assert.deepEqual(first.json.metadata.labels, allocatorLabels('IPv4'));
    assert.deepEqual(first.json.spec.parentRef, { resource: 'services', namespace: 'default', name: 'kubernetes' });
  });

  test('a Service of two families holds two IPAddresses until it is gone', async () => {
    const made = await make(one, 'dual', { ipFamilyPolicy: 'RequireDualStack', clusterIP: '10.20.0.3' });
    assert.equal(made.status, 201, made.text);
    const [v4, v6] = made.json.spec.clusterIPs;
    assert.equal(v4, '10.20.0.3');
    // Below ::101 are those that are asked for by name.
    assert.ok(Number.parseInt(v6.slice('fd00:20::'.length), 16) >= 0x101, v6);
    assert.deepEqual((await read(v6)).json.metadata.labels, allocatorLabels('IPv6'));
    const table = await one.kubectl(['get', 'ipaddresses', v4, '--no-headers']);
    assert.match(table.out, /^10\.20\.0\.3 +services\/default\/dual +/);

    const taken = await make(two, 'other', { clusterIP: '10.20.0.3' });
    assert.equal(taken.status, 422);
    assert.match(
      taken.json.message,
      /spec\.clusterIPs: Invalid value: \["10\.20\.0\.3"\]: failed to allocate IP 10\.20\.0\.3: provided IP is already allocated$/,
    );
    const single = await one.ask(`${services}/dual`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { ipFamilyPolicy: 'SingleStack' } },
    });
    assert.deepEqual(single.json.spec.clusterIPs, [v4]);
    assert.equal((await read(v6)).status, 404);
    await remove('dual');
    assert.equal((await read(v4)).status, 404);
  });

  test('a dry run takes nothing, and says what can not be had', async () => {
    const before = await one.ask(addresses);
    const dry = await make(
      one,
      'dry',
      { type: 'NodePort', ports: [1, 2, 3].map((port) => ({ port, name: `p${port}` })) },
      '?dryRun=All',
    );
    assert.equal(dry.status, 201, dry.text);
    assert.match(dry.json.spec.clusterIP, /^10\.20\.0\./);
    assert.equal((await make(one, 'dry', { clusterIP: '10.20.0.1' }, '?dryRun=All')).status, 422);
    assert.equal((await one.ask(addresses)).json.items.length, before.json.items.length);
  });

  test('a port where the type has none is refused, and nothing stays taken', async () => {
    const before = await one.ask(addresses);
    const port = await make(one, 'ports', { ports: [{ port: 80, nodePort: 30080 }] });
    assert.equal(port.status, 422, port.text);
    assert.match(
      port.json.message,
      /spec\.ports\[0\]\.nodePort: Forbidden: may not be used when `type` is 'ClusterIP'$/,
    );
    const health = await make(one, 'ports', { type: 'LoadBalancer', healthCheckNodePort: 30081 });
    assert.equal(health.status, 422, health.text);
    assert.match(
      health.json.message,
      /spec\.healthCheckNodePort: Invalid value: 30081: may only be set when `type` is/,
    );
    assert.equal((await one.ask(addresses)).json.items.length, before.json.items.length);
    const free = await make(one, 'ports', { type: 'NodePort', ports: [{ port: 80, nodePort: 30081 }] });
    assert.equal(free.status, 201, free.text);
    await remove('ports');
  });

  test('a full range, and another one that is added at run time', async () => {
    const names = Array.from({ length: 5 }, (_, i) => `full-${i}`);
    const made = await Promise.all(names.map((name, i) => make(i % 2 === 0 ? one : two, name)));
    assert.deepEqual(
      made.map(({ json }) => json.spec?.clusterIP).sort(),
      [2, 3, 4, 5, 6].map((n) => `10.20.0.${n}`),
    );
    const full = await make(one, 'more');
    assert.equal(full.status, 500);
    assert.match(full.json.message, /failed to allocate a serviceIP: range is full$/);
    const outside = await make(one, 'more', { clusterIP: '10.21.0.9' });
    assert.match(outside.json.message, /the provided network does not match the current range$/);

    assert.equal((await one.ask(cidrs, { body: cidrObject('second', '10.21.0.0/24') })).status, 201);
    const more = await make(two, 'more', { clusterIP: '10.21.0.9' });
    assert.equal(more.status, 201, more.text);
    const next = await make(two, 'next');
    assert.match(next.json.spec.clusterIP, /^10\.21\.0\./);
    assert.ok(Number(next.json.spec.clusterIP.split('.')[3]) >= 17, next.json.spec.clusterIP);

    const gauge = (text: string, name: string, cidr: string) =>
      new RegExp(`^kube_apiserver_clusterip_allocator_${name}\\{cidr="${cidr}"\\} (\\d+)$`, 'm').exec(text)?.[1];
    // What was taken through the other server is seen a moment later.
    const { text } = await eventually(
      () => two.ask('/metrics'),
      (answer) => gauge(answer.text, 'allocated_ips', '10.20.0.0/29') === '6',
    );
    assert.equal(gauge(text, 'available_ips', '10.20.0.0/29'), '0');
    assert.equal(gauge(text, 'available_ips', '10.21.0.0/24'), '252');
    assert.match(text, /clusterip_allocator_allocation_total\{cidr="10\.21\.0\.0\/24",scope="static"\} 1/);

    // A range that is going gives no more addresses.
    const patch = { metadata: { finalizers: ['test.example.com/wait'] } };
    const headers = { 'content-type': 'application/merge-patch+json' };
    await one.ask(`${cidrs}/second`, { method: 'PATCH', headers, body: patch });
    await one.ask(`${cidrs}/second`, { method: 'DELETE' });
    await eventually(
      () => make(two, 'late', { clusterIP: '10.21.0.10' }, '?dryRun=All'),
      ({ status }) => status === 422,
    );
    for (const name of [...names, 'more', 'next']) await remove(name);
    await one.ask(`${cidrs}/second`, { method: 'PATCH', headers, body: { metadata: { finalizers: [] } } });
  });

  test('the repair gives Services their IPAddresses back, and removes what belongs to none', async () => {
    // Checked before the one below: the repair takes one at a time.
    const merge = { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' } };
    assert.equal((await make(one, 'other', { type: 'ExternalName', externalName: 'a.b' })).status, 201);
    const other = { type: 'ClusterIP', externalName: null, clusterIP: '10.20.0.5' };
    assert.equal((await one.ask(`${services}/other`, { ...merge, body: { spec: other } })).status, 200);
    const { json } = await make(one, 'mended', { clusterIP: '10.20.0.4' });
    const parent = { resource: 'services', namespace: 'default', name: 'mended' };
    const { uid } = (await read('10.20.0.4')).json.metadata;
    await one.ask(`${addresses}/10.20.0.4`, { method: 'DELETE' });
    const back = await eventually(
      () => read('10.20.0.4'),
      (answer) => answer.status === 200 && answer.json.metadata.uid !== uid,
    );
    assert.deepEqual(back.json.spec.parentRef, parent);
    const { json: told } = await eventually(
      () => eventsAbout('mended'),
      (answer) => answer.json.items.length > 0,
    );
    assert.equal(told.items[0].message, 'Cluster IP [IPv4]: 10.20.0.4 is not allocated; repairing');
    assert.equal(told.items[0].reason, 'ClusterIPNotAllocated');
    assert.equal(told.items[0].involvedObject.uid, json.metadata.uid);
    assert.equal(told.items[0].reportingComponent, 'ipallocator-repair-controller');

    for (const name of ['other', '10.20.0.5']) {
      assert.deepEqual(
        (await eventsAbout(name)).json.items,
        [],
        'an address that comes with a change of type is right',
      );
    }
    await remove('other');

    // One of somebody else, which is none of its business.
    const foreign = addressObject('10.20.0.6', { group: 'gateway.example.com', resource: 'gateways', name: 'g' });
    assert.equal((await one.ask(addresses, { body: foreign })).status, 201);
    assert.equal((await make(two, 'late', { clusterIP: '10.20.0.6' })).status, 422);
    assert.equal((await read('10.20.0.6')).status, 200);
    await remove('mended');
  });

  test('what no ServiceCIDR or IPAddress may be', async () => {
    const owner = { resource: 'services', namespace: 'default', name: 'x' };
    const cases: [string, string, object, RegExp][] = [
      ['no range', cidrs, cidrObject('a'), /spec\.cidrs: Required value: at least one CIDR required/],
      ['host bits', cidrs, cidrObject('a', '10.0.0.1/24'), /must not have bits set beyond the prefix length/],
      ['spelling', cidrs, cidrObject('a', 'fd00:0::/64'), /must be in canonical form \("fd00::\/64"\)/],
      [
        'one family twice',
        cidrs,
        cidrObject('a', '10.0.0.0/24', '10.1.0.0/24'),
        /no more than one IP for each IP family/,
      ],
      [
        'no address',
        addresses,
        addressObject('web', owner),
        /metadata\.name: Invalid value: "web": must be a valid IP/,
      ],
      ['spelling', addresses, addressObject('fd00::00', owner), /must be in canonical form \("fd00::"\)/],
      ['of nobody', addresses, { metadata: { name: '10.9.9.9' }, spec: {} }, /spec\.parentRef: Required value/],
    ];
    for (const [name, path, body, expected] of cases) {
      const answer = await one.ask(path, { body });
      assert.equal(answer.status, 422, `${name}: ${answer.text}`);
      assert.match(answer.json.message, expected, name);
    }
    const patch = { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' } };
    const moved = await one.ask(`${cidrs}/kubernetes`, {
      ...patch,
      body: { spec: { cidrs: ['10.30.0.0/24', 'fd00:20::/112'] } },
    });
    assert.match(moved.json.message, /spec\.cidrs\[0\]: Invalid value: "10\.30\.0\.0\/24": field is immutable/);
    const given = await one.ask(`${addresses}/10.20.0.1`, { ...patch, body: { spec: { parentRef: { name: 'x' } } } });
    assert.match(given.json.message, /spec\.parentRef: Invalid value: .*field is immutable/);
  });
});
