import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { KubeProxy } from '../kube-proxy.js';
import { Lab } from '../testing/lab.js';
import { readTable } from '../testing/nft-table.js';
import { endpoint, service, slice } from '../testing/objects.js';
import { labProxyOptions } from '../testing/proxy-options.js';

// What nftables mode has beyond the others, with chains of endpoints and with maps of them; and the change from one to
// the other. (../traffic.integration.test.ts has what all modes do.)

const lab = new Lab(`nftt${process.pid}`);
const stop = new AbortController();
/** Of the Service range; the client has it, so that somebody answers if nothing drops what goes there. */
const unallocated = '10.96.0.77';
const ranges = ['10.96.0.0/16', 'fd00:96::/112'];
let proxy: KubeProxy;
let running: Promise<void>;

/** An answer that is waited for; `timeout` is expected where packets are dropped, and then one second is enough. */
const get = (from: string, address: string) => lab.get(from, address, 20);
const dropped = async (from: string, address: string) => assert.equal(await lab.get(from, address, 1), 'timeout', from);

/** The answer to a datagram. The client waits for a short time alone, which a busy machine may let pass. */
async function udp(from: string, ip: string, port: number): Promise<string> {
  for (let n = 0; n < 10; n++) {
    const answer = await lab.udp(from, ip, port, 5570);
    if (answer !== 'timeout') return answer;
  }
  return 'timeout';
}

async function names(from: string, address: string, wanted: string[]): Promise<void> {
  const missing = new Set(wanted);
  for (let n = 0; n < 100 && missing.size > 0; n++) {
    const name = (await get(from, address)).split(' ')[0] ?? '';
    assert.ok(wanted.includes(name), `${from} came to ${name}`);
    missing.delete(name);
  }
  assert.deepEqual([...missing], [], 'each endpoint has its share');
}

const p1 = endpoint('10.244.1.11', 'node1');
const p2 = endpoint('10.244.1.12', 'node1');
const far = endpoint('10.244.2.11', 'node2');
const nodePort = (port: number) => ({ type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: port }] });

/** Makes the cluster large, or small again: endpoints of a Service that nobody asks. */
async function setFiller(count: number): Promise<void> {
  const ips = Array.from({ length: count }, (_, i) => `10.245.${i >> 8}.${i & 255}`);
  proxy.setSlice(
    slice(
      'filler',
      ips.map((ip) => endpoint(ip, 'node2')),
    ),
  );
  await proxy.settled();
}

function table(): Record<string, string[]> {
  return readTable(lab.in(lab.node, 'nft', 'list', 'table', 'ip', 'kube-proxy'));
}

before(async () => {
  await lab.up();
  // A refusal is an ICMP error. The kernel sends a client one a second, and the node here tells the client with each
  // packet to a cluster IP that its way out leads back to it (a redirect), which counts for the same second.
  lab.in(lab.node, 'sysctl', '-qw', 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0');
  lab.in(lab.node, 'ip', '-6', 'route', 'add', 'default', 'via', 'fd00:77::2');
  lab.in(lab.ns('client'), 'ip', 'addr', 'add', `${unallocated}/32`, 'dev', 'eth0');
  const options = { mode: 'nftables', backend: 'nft', prefix: lab.prefix, signal: stop.signal } as const;
  proxy = await KubeProxy.create(labProxyOptions(options));
  proxy.setService(service('filler', '10.96.1.1'));
  running = proxy.run();
  await proxy.settled();
});
after(async () => {
  stop.abort();
  await proxy?.stop();
  await running;
  lab.down();
});

for (const form of ['chains', 'maps'] as const) {
  describe(`with ${form} of endpoints`, { concurrency: false }, () => {
    before(async () => {
      proxy.setServiceCidrs(ranges);
      await setFiller(form === 'maps' ? 1001 : 0);
      assert.equal('map endpoints' in table(), form === 'maps');
    });

    test('cluster IP: all endpoints; who is masqueraded', async () => {
      proxy.setService(service('web', '10.96.0.1', { clusterIPs: ['10.96.0.1', 'fd00:96::1'] }));
      proxy.setSlice(slice('web', [p1, p2, far]));
      const six = slice('web', [endpoint('fd00:244:1::12', 'node1')]);
      proxy.setSlice({ ...six, metadata: { ...six.metadata, name: 'web-6' } });
      await proxy.settled();
      for (const from of ['node', 'p1', 'client']) await names(from, '10.96.0.1', ['far', 'p1', 'p2']);
      proxy.setSlice(slice('web', [p2]));
      await proxy.settled();
      assert.equal(await get('p1', '10.96.0.1'), 'p2 10.244.1.11');
      assert.equal(await get('client', '10.96.0.1'), 'p2 10.244.1.1');
      assert.equal(await get('p2', '10.96.0.1'), 'p2 10.244.1.1', 'to itself');
      assert.match(await get('client', '[fd00:96::1]'), /^p2 /);
    });

    test('a port that a Service lacks is refused, from outside too', async () => {
      for (const from of ['node', 'p1', 'client']) {
        assert.equal(await get(from, '10.96.0.1:81'), 'refused', from);
        assert.equal(await udp(from, '10.96.0.1', 80), 'refused', from);
      }
      for (const from of ['p1', 'client']) assert.equal(await get(from, '[fd00:96::1]:81'), 'refused', from);
    });

    test('an address that no Service has is dropped, if the ranges are known', async () => {
      await Promise.all([dropped('node', unallocated), dropped('p1', unallocated), dropped('client', '10.96.0.78')]);
      proxy.setServiceCidrs([]);
      await proxy.settled();
      for (const from of ['node', 'p1'])
        assert.equal(await get(from, unallocated), 'refused', `${from}: by who has the address`);
      proxy.setServiceCidrs(ranges);
      await proxy.settled();
      await dropped('p1', unallocated);
    });

    test('policy Local: the source is kept; without endpoints here pods and the node go elsewhere', async () => {
      proxy.setService(service('loc', '10.96.0.2', { ...nodePort(30081), externalTrafficPolicy: 'Local' }));
      proxy.setSlice(slice('loc', [p1, far]));
      await proxy.settled();
      assert.equal(await get('client', '192.168.77.1:30081'), 'p1 192.168.77.2');
      await names('p2', '192.168.77.1:30081', ['far', 'p1']);
      proxy.setSlice(slice('loc', [far]));
      await proxy.settled();
      await dropped('client', '192.168.77.1:30081');
      for (const from of ['p1', 'node', 'p2']) assert.match(await get(from, '192.168.77.1:30081'), /^far /, from);
      proxy.setSlice(slice('loc', []));
      await proxy.settled();
      for (const from of ['p1', 'node', 'client']) assert.equal(await get(from, '192.168.77.1:30081'), 'refused', from);
    });

    test('source ranges and external addresses; affinity', async () => {
      const lb = (range: string) =>
        service(
          'lb',
          '10.96.0.4',
          {
            ...nodePort(30084),
            type: 'LoadBalancer',
            loadBalancerSourceRanges: ['192.168.77.1/32', range],
            externalIPs: ['192.0.2.77'],
            sessionAffinity: 'ClientIP',
          },
          { loadBalancer: { ingress: [{ ip: '192.0.2.78' }] } },
        );
      proxy.setService(lb('192.168.77.0/24'));
      proxy.setSlice(slice('lb', [p1, p2]));
      await proxy.settled();
      const first = await get('client', '192.0.2.78');
      for (let n = 0; n < 5; n++) assert.equal(await get('client', n % 2 ? '192.0.2.77' : '192.0.2.78'), first);
      proxy.setService(lb('192.168.99.0/24'));
      await proxy.settled();
      await dropped('client', '192.0.2.78');
      assert.equal(await get('client', '192.0.2.77'), first, 'ranges are not for external addresses');
      assert.match(await get('node', '192.0.2.78'), /^p\d /, 'the node is in a range');
    });

    test('of two Services with one external address the first has it, then the other', async () => {
      const other = (name: string, ip: string) => service(name, ip, { externalIPs: ['192.0.2.79'] });
      proxy.setService(other('one', '10.96.0.5'));
      proxy.setSlice(slice('one', [p1]));
      await proxy.settled();
      proxy.setService(other('two', '10.96.0.6'));
      proxy.setSlice(slice('two', [p2]));
      await proxy.settled();
      assert.match(await get('client', '192.0.2.79'), /^p1 /);
      proxy.removeService(other('one', '10.96.0.5'));
      await proxy.settled();
      assert.match(await get('client', '192.0.2.79'), /^p2 /);
      proxy.removeService(other('two', '10.96.0.6'));
      proxy.removeService(service('lb', '10.96.0.4'));
      proxy.removeService(service('loc', '10.96.0.2'));
      await proxy.settled();
    });
  });
}

test('connections go on while the form changes, and the way back begins a tenth lower', async () => {
  proxy.setSlice(slice('web', [p1, p2]));
  await setFiller(1001);
  let isOver = false;
  const answers: string[] = [];
  const asking = Promise.all(
    ['p1', 'client'].map(async (from) => {
      while (!isOver) answers.push(await get(from, '10.96.0.1'));
    }),
  );
  for (const [count, isMaps] of [
    [950, true],
    [500, false],
    [950, false],
    [1001, true],
    [0, false],
  ] as const) {
    const before = answers.length;
    await setFiller(count);
    assert.equal('map endpoints' in table(), isMaps, `${count} endpoints more`);
    while (answers.length < before + 4) await Promise.race([asking, setTimeout(20)]);
  }
  isOver = true;
  await asking;
  assert.deepEqual(
    answers.filter((a) => !/^p\d /.test(a)),
    [],
  );
});
