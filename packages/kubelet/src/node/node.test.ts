import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rankForEviction } from '../eviction/ranking.js';
import { conditionOf, isMet, parseGrace, parseThresholds, withAllocatable } from '../eviction/thresholds.js';
import { entryMatches, parseDockerConfig } from '../images/credentials.js';
import { parseImage, pullPolicy, withDefaultTag } from '../images/reference.js';
import { qosClass } from '../pod/qos.js';
import { milliCpuToQuota, milliCpuToShares, podResources } from '../pod/resources.js';
import { ProbeThresholds } from '../probes/outcome.js';
import { subresourcesOf } from '../server/auth.js';
import { preparing } from '../shutdown/logind.js';
import { parseManifest } from '../sources/static-pod.js';
import { parseCpuNanos, parseMemory, parseNetwork } from '../stats/node-usage.js';
import { aPod } from '../testing/objects.js';
import { admitPod } from '../worker/admission.js';
import { foreignResources, nodeAllocatable } from './allocatable.js';
import { defaultRoutes } from './machine.js';
import { parseLabels, parseTaints } from './registration.js';

const withResources = (requests: Record<string, string>, limits?: Record<string, string>) =>
  aPod({ containers: [{ name: 'c', image: 'i', resources: { requests, limits } }] });

describe('qosClass', () => {
  it('BestEffort', () => assert.equal(qosClass(aPod()), 'BestEffort'));
  it('Burstable', () => assert.equal(qosClass(withResources({ cpu: '1' })), 'Burstable'));
  it('Guaranteed', () =>
    assert.equal(qosClass(withResources({ cpu: '1', memory: '1Gi' }, { cpu: '1', memory: '1Gi' })), 'Guaranteed'));
  it('not quite', () =>
    assert.equal(qosClass(withResources({ cpu: '1', memory: '1Gi' }, { cpu: '2', memory: '1Gi' })), 'Burstable'));
});

describe('resources', () => {
  it('shares', () => assert.deepEqual([0, 1, 1000, 1e9].map(milliCpuToShares), [2, 2, 1024, 262_144]));
  it('quota', () =>
    assert.deepEqual(
      [0, 1, 500].map((milli) => milliCpuToQuota(milli)),
      [0, 1000, 50_000],
    ));
  it('init containers count by their peak', () => {
    const cpu = (value: string) => ({ resources: { requests: { cpu: value } } });
    const pod = aPod({
      initContainers: [
        { name: 's', restartPolicy: 'Always', ...cpu('1') },
        { name: 'i', ...cpu('5') },
      ],
      containers: [{ name: 'c', ...cpu('2') }],
      overhead: { cpu: '100m' },
    });
    assert.equal(podResources(pod, 'requests').get('cpu')?.toString(), '6100m');
  });
  it('allocatable', () => {
    const capacity = { cpu: '4', memory: '8Gi', pods: '110' };
    const reservations = {
      kube: { cpu: '500m' },
      system: { memory: '1Gi' },
      evictionMemoryBytes: 100 * 2 ** 20,
      evictionStorageBytes: 0,
    };
    assert.deepEqual(nodeAllocatable(capacity, reservations, {}), { cpu: '3500m', memory: '7068Mi', pods: '110' });
  });
});

describe('foreignResources', () => {
  it("extended resources that an administrator wrote into the capacity, not the agent's own", () => {
    const capacity = { cpu: '4', 'example.com/foo': '5', 'example.com/gpu': '2', 'attachable-volumes-csi-x': '3' };
    assert.deepEqual(foreignResources(capacity, { 'example.com/gpu': '2' }), { 'example.com/foo': '5' });
    assert.deepEqual(foreignResources(undefined, {}), {});
  });
});

const onPort = (hostPort: number, hostIP = '', protocol = 'TCP') =>
  aPod({ containers: [{ name: 'main', ports: [{ containerPort: 1, hostPort, hostIP, protocol }] }] });

describe('admitPod', () => {
  const context = {
    nodeName: 'here',
    nodeLabels: { disk: 'ssd' },
    nodeTaints: [] as { key: string; effect: string }[],
    allocatable: { cpu: '2', memory: '1Gi', pods: '4' },
    active: [withResources({ cpu: '1' }), onPort(80, '127.0.0.1')].map((pod) => ({
      ...pod,
      metadata: { ...pod.metadata, uid: 'other' },
    })),
    pressures: [] as string[],
    allowedUnsafeSysctls: ['net.core.*'],
    shuttingDown: false,
  };
  const required = (key: string, operator: string, values?: string[]) =>
    aPod({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              key === 'metadata.name'
                ? { matchFields: [{ key, operator, values }] }
                : { matchExpressions: [{ key, operator, values }] },
            ],
          },
        },
      },
    });
  const noExecute = { nodeTaints: [{ key: 'gone', effect: 'NoExecute' }] };
  const sysctl = (name: string) => aPod({ securityContext: { sysctls: [{ name, value: '1' }] } });
  const cases: [string, ReturnType<typeof aPod>, Partial<typeof context>, string | undefined][] = [
    ['fits', withResources({ cpu: '1' }), {}, undefined],
    ['does not fit', withResources({ cpu: '1001m' }), {}, 'OutOfcpu'],
    ['selector', aPod({ nodeSelector: { disk: 'hdd' } }), {}, 'NodeAffinity'],
    ['affinity', required('disk', 'In', ['ssd', 'nvme']), {}, undefined],
    ['other affinity', required('disk', 'NotIn', ['ssd']), {}, 'NodeAffinity'],
    ['affinity to the node by name', required('metadata.name', 'In', ['here']), {}, undefined],
    ['affinity to another node', required('metadata.name', 'In', ['there']), {}, 'NodeAffinity'],
    ['host port taken', onPort(80), {}, 'NodePorts'],
    ['host port of another address', onPort(80, '127.0.0.2'), {}, undefined],
    ['host port of another protocol', onPort(80, '', 'UDP'), {}, undefined],
    ['taint', aPod(), noExecute, 'TaintToleration'],
    ['tolerated taint', aPod({ tolerations: [{ key: 'gone', operator: 'Exists' }] }), noExecute, undefined],
    ['taint of another effect', aPod(), { nodeTaints: [{ key: 'no', effect: 'NoSchedule' }] }, undefined],
    ['safe sysctl', sysctl('net/ipv4/tcp_syncookies'), {}, undefined],
    ['allowed sysctl', sysctl('net.core.somaxconn'), {}, undefined],
    ['forbidden sysctl', sysctl('kernel.msgmax'), {}, 'SysctlForbidden'],
    ['memory pressure, best effort', aPod(), { pressures: ['MemoryPressure'] }, 'Evicted'],
    ['memory pressure, burstable', withResources({ cpu: '1' }), { pressures: ['MemoryPressure'] }, undefined],
    ['disk pressure', withResources({ cpu: '1' }), { pressures: ['DiskPressure'] }, 'Evicted'],
    ['critical', aPod({ priority: 2_000_000_000 }), { pressures: ['DiskPressure'] }, undefined],
    ['windows', aPod({ os: { name: 'windows' } }), {}, 'PodOSNotSupported'],
    ['shutdown', aPod(), { shuttingDown: true }, 'NodeShutdown'],
    ['too many', aPod(), { allocatable: { cpu: '2', memory: '1Gi', pods: '1' } }, 'OutOfpods'],
  ];
  for (const [what, pod, more, reason] of cases) {
    it(what, () => assert.equal(admitPod(pod, { ...context, ...more } as typeof context)?.reason, reason));
  }
});

describe('ProbeThresholds', () => {
  it('needs as many in a row as it says', () => {
    const thresholds = new ProbeThresholds({ failureThreshold: 3, successThreshold: 2 });
    const results = 'ssfsffssffff'.split('').map((letter) => thresholds.record(letter === 's' ? 'success' : 'failure'));
    const wanted = [
      undefined,
      'success',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      'success',
      undefined,
      undefined,
      'failure',
      'failure',
    ];
    assert.deepEqual(results, wanted);
  });
});

describe('images', () => {
  const cases: [string, string, string, string | undefined][] = [
    ['busybox', 'docker.io', 'library/busybox', undefined],
    ['a/b:1', 'docker.io', 'a/b', '1'],
    ['localhost/a', 'localhost', 'a', undefined],
    ['reg:5000/a/b:x', 'reg:5000', 'a/b', 'x'],
    [`r.io/a@sha256:${'0'.repeat(64)}`, 'r.io', 'a', undefined],
  ];
  for (const [image, registry, repository, tag] of cases) {
    it(image, () => {
      const parsed = parseImage(image);
      assert.deepEqual([parsed.registry, parsed.repository, parsed.tag], [registry, repository, tag]);
    });
  }
  for (const bad of ['Bad', 'a//b', ':x', 'a:b:c', ''])
    it(`refuses ${bad}`, () => assert.throws(() => parseImage(bad)));
  it('default tag', () => assert.equal(withDefaultTag('a/b'), 'a/b:latest'));
  it('default policy', () =>
    assert.deepEqual(
      ['a', 'a:latest', 'a:1'].map((image) => pullPolicy(undefined, image)),
      ['Always', 'Always', 'IfNotPresent'],
    ));
  it('matches credentials', () => {
    assert.ok(entryMatches('index.docker.io', 'busybox'));
    assert.ok(entryMatches('*.example.com', 'r.example.com/a'));
    assert.ok(entryMatches('r.io/team', 'r.io/team/app'));
    assert.ok(!entryMatches('r.io/team', 'r.io/teams/app'));
    assert.ok(!entryMatches('*.example.com', 'a.b.example.com/x'));
  });
  it('reads credentials', () => {
    const auth = Buffer.from('u:p:w').toString('base64');
    const [[server, found]] = parseDockerConfig(JSON.stringify({ auths: { 'https://r.io/v1/': { auth } } })) as [
      [string, { username: string; password: string }],
    ];
    assert.deepEqual([server, found.username, found.password], ['r.io', 'u', 'p:w']);
  });
});

describe('eviction', () => {
  it('parses thresholds', () => {
    const [memory, disk] = parseThresholds(['memory.available<100Mi', 'nodefs.available<10%']);
    assert.equal(memory?.quantity, 100 * 2 ** 20);
    assert.equal(disk?.share, 0.1);
    assert.ok(memory && isMet(memory, { 'memory.available': { available: 1, capacity: 2 } }));
    assert.ok(disk && !isMet(disk, { 'nodefs.available': { available: 20, capacity: 100 } }));
    assert.throws(() => parseThresholds(['x<1']), /unsupported eviction signal/);
    assert.throws(() => parseThresholds(['memory.available<1Gi'], {}, true), /grace period must be specified/);
    assert.deepEqual(parseGrace(['memory.available=1m30s']), { 'memory.available': 90_000 });
  });
  it('holds pods to the allocatable by the hard threshold of memory', () => {
    const soft = parseThresholds(['memory.available<1Gi'], { 'memory.available': 1000 }, true);
    const all = withAllocatable([...parseThresholds(['memory.available<100Mi', 'pid.available<5%']), ...soft]);
    assert.deepEqual(
      all.map(({ signal, graceMs }) => [signal, conditionOf(signal), graceMs]),
      [
        ['memory.available', 'MemoryPressure', 0],
        ['pid.available', 'PIDPressure', 0],
        ['memory.available', 'MemoryPressure', 1000],
        ['allocatableMemory.available', 'MemoryPressure', 0],
      ],
    );
    const full = { available: 50 * 2 ** 20, capacity: 2 ** 30 };
    assert.ok(all.at(-1) && isMet(all.at(-1) as (typeof all)[number], { 'allocatableMemory.available': full }));
  });
  it('ranks', () => {
    const candidate = (name: string, usage: number, request: number, priority = 0) => ({
      pod: aPod({ priority }, { name }),
      usage,
      request,
    });
    const ranked = rankForEviction([
      candidate('within', 50, 100),
      candidate('high', 300, 0, 10),
      candidate('most', 200, 0),
      candidate('some', 150, 100),
    ]);
    assert.deepEqual(
      ranked.map(({ pod }) => pod.metadata.name),
      ['most', 'some', 'high', 'within'],
    );
  });
});

describe('static pods', () => {
  const text = (image: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: ${image}}]}\n`;
  it('get a name and a UID that follows their content', () => {
    const [one] = parseManifest(text('x'), 'file', '/m/a.yaml', 'Node1');
    const [same] = parseManifest(text('x'), 'file', '/m/a.yaml', 'Node1');
    const [other] = parseManifest(text('y'), 'file', '/m/a.yaml', 'Node1');
    assert.equal(one?.metadata.name, 'a-node1');
    assert.equal(one?.metadata.uid, same?.metadata.uid);
    assert.notEqual(one?.metadata.uid, other?.metadata.uid);
    assert.equal(one?.metadata.annotations?.['kubernetes.io/config.source'], 'file');
  });
  for (const bad of [
    '{',
    'apiVersion: v2\nkind: Pod',
    'apiVersion: v1\nkind: Service',
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a}',
  ]) {
    it(`refuses ${JSON.stringify(bad)}`, () =>
      assert.throws(() => parseManifest(bad, 'file', 'f', 'n'), { name: 'ManifestError' }));
  }
});

describe('the machine', () => {
  it('default routes by metric', () => {
    const line = (name: string, destination: string, metric: number) =>
      [name, destination, '0101A8C0', '0003', '0', '0', metric, '00000000', '0', '0', '0'].join('\t');
    const table = [
      'Iface...',
      line('wlan0', '00000000', 600),
      line('eth0', '00000000', 100),
      line('docker0', '000011AC', 0),
    ].join('\n');
    assert.deepEqual(
      defaultRoutes(table).map((route) => route.interface),
      ['eth0', 'wlan0'],
    );
  });
  it('CPU time', () => assert.equal(parseCpuNanos('cpu  100 0 50 1000 7 1 2 3 0 0\n'), 1.56e9));
  it('memory', () => {
    const memory = parseMemory('MemTotal: 1000 kB\nMemFree: 400 kB\nInactive(file): 100 kB\nAnonPages: 50 kB\n');
    assert.deepEqual([memory.usageBytes, memory.workingSetBytes], [600 * 1024, 500 * 1024]);
  });
  it('network', () => {
    const [eth] = parseNetwork(
      'h\nh\n  eth0: 10 1 2 0 0 0 0 0 20 1 3 0 0 0 0 0\n    lo: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n',
    );
    assert.deepEqual(eth, { name: 'eth0', rxBytes: 10, rxErrors: 2, txBytes: 20, txErrors: 3 });
  });
  it('labels and taints', () => {
    assert.deepEqual(parseLabels(['a=b', 'c=']), { a: 'b', c: '' });
    assert.deepEqual(parseTaints(['k=v:NoSchedule', 'x:NoExecute']), [
      { key: 'k', value: 'v', effect: 'NoSchedule' },
      { key: 'x', effect: 'NoExecute' },
    ]);
    assert.throws(() => parseTaints(['k=v']), /not a taint/);
  });
  it('shutdown signals', () => {
    const line = (value: boolean) =>
      JSON.stringify({ member: 'PrepareForShutdown', payload: { type: 'b', data: [value] } });
    assert.deepEqual(
      [preparing(line(true)), preparing(line(false)), preparing('Monitoring bus')],
      [true, false, undefined],
    );
  });
  it('subresources', () =>
    assert.deepEqual(['/stats/summary', '/metrics', '/logs/x', '/exec/a', '/statsx', '/pods'].map(subresourcesOf), [
      ['stats'],
      ['metrics'],
      ['log'],
      ['proxy'],
      ['proxy'],
      ['pods', 'proxy'],
    ]));
});
