import assert from 'node:assert/strict';
import { checkIpvsSupport, IpvsUnsupportedError } from '../../ipvs/support.js';
import type { Lab } from '../../testing/lab.js';
import { endpoint, service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { far, p1, p2 } from '../objects.js';
import type { Mode } from '../stage.js';
import { addForeign, keepsForeign } from './foreign.js';

// Runs on a node of its own kernel (a User-mode Linux), which has nothing but the legacy tables.
const backend = 'legacy';
/** A virtual server of others, which is excluded. */
const others = ['203.0.113.1:80', '203.0.113.0/24'] as const;

const virtuals = (lab: Lab) => lab.run('ipvsadm', '-Sn');

const kernel: TrafficCase = {
  name: 'the kernel',
  steps: () => [
    {
      name: 'a scheduler that it lacks is refused, and the trial leaves nothing',
      set: () => undefined,
      async see(lab) {
        const refused = (e: unknown) => e instanceof IpvsUnsupportedError && /nosuch/.test(e.message);
        await assert.rejects(checkIpvsSupport('nosuch', lab.prefix), refused);
        await checkIpvsSupport('rr', lab.prefix);
        assert.doesNotMatch(virtuals(lab), /198\.51\.100\.0/);
      },
    },
    {
      name: 'its switches are set',
      set: () => undefined,
      async see(lab) {
        const names = ['conntrack', 'expire_nodest_conn', 'expire_quiescent_template'].map((n) => `net.ipv4.vs.${n}`);
        const arp = ['arp_ignore', 'arp_announce'].map((n) => `net.ipv4.conf.all.${n}`);
        const values = lab.run('sysctl', '-n', ...names, ...arp).trim();
        assert.deepEqual(values.split('\n'), ['1', '1', '1', '1', '2']);
        assert.match(lab.run('ipvsadm', '-L', '--timeout'), /tcp tcpfin udp\): 1000 /);
      },
    },
  ],
};

const weights: TrafficCase = {
  name: 'real servers',
  steps: () => [
    {
      name: 'have weight 1',
      set({ proxy }) {
        for (const [name, ip] of [
          ['leaving', '10.96.0.23'],
          ['idle', '10.96.0.24'],
        ] as const) {
          proxy.setService(service(name, ip));
          proxy.setSlice(slice(name, [p1]));
        }
      },
      async see(lab) {
        assert.match(await lab.again('client', 'leaving', '10.96.0.23'), /^p1 /);
        assert.match(virtuals(lab), /-a -t 10\.96\.0\.23:80 -r 10\.244\.1\.11:8080 -m -w 1/);
      },
    },
    {
      name: 'stay with weight 0 while they have connections, without any they go at once',
      set({ proxy }) {
        proxy.setSlice(slice('leaving', [far]));
        proxy.setSlice(slice('idle', [p2]));
      },
      async see(lab) {
        const now = virtuals(lab);
        assert.match(now, /-a -t 10\.96\.0\.23:80 -r 10\.244\.1\.11:8080 -m -w 0/);
        assert.match(now, /-a -t 10\.96\.0\.24:80 -r 10\.244\.1\.12:8080 -m -w 1/);
        assert.doesNotMatch(now, /-t 10\.96\.0\.24:80 -r 10\.244\.1\.11/);
      },
    },
    {
      name: 'get their weight back',
      set: ({ proxy }) => proxy.setSlice(slice('leaving', [p1])),
      async see(lab) {
        assert.match(virtuals(lab), /-a -t 10\.96\.0\.23:80 -r 10\.244\.1\.11:8080 -m -w 1/);
      },
    },
  ],
};

const refusals: TrafficCase = {
  name: 'Services that IPVS refuses',
  steps: () => [
    {
      name: 'a group as endpoint, and what another Service has, are reported',
      set({ proxy }) {
        proxy.setService(service('owner', '10.96.0.25', { externalIPs: ['192.0.2.85'] }));
        proxy.setSlice(slice('owner', [p1]));
        // A group's address, which only the kernel objects to.
        proxy.setService(service('worse', '10.96.0.26'));
        proxy.setSlice(slice('worse', [endpoint('239.1.1.1', 'node2')]));
        proxy.setService(service('thief', '10.96.0.27', { externalIPs: ['192.0.2.85'] }));
        proxy.setSlice(slice('thief', [far]));
      },
      async see(lab, { problems }) {
        const told = problems.join('\n');
        assert.match(told, /^bad: cannot be programmed: 70000 is not a port/m);
        assert.match(told, /^worse: cannot be programmed: ipvsadm -R: .*address not unicast/m);
        assert.match(told, /^thief: cannot be programmed: 192\.0\.2\.85:80 is already used by default\/owner/m);
        assert.match(await lab.get('client', '192.0.2.85'), /^p1 /, 'who came first has it');
      },
    },
    {
      name: 'a group as endpoint is forgotten with its Service',
      set: ({ proxy }) => proxy.removeService(service('worse', '10.96.0.26')),
      see: async (lab) => assert.doesNotMatch(virtuals(lab), /10\.96\.0\.26/),
    },
  ],
};

export const ipvsMode: Mode = {
  mode: 'ipvs',
  backend,
  options: { ipvs: { excludeCidrs: [others[1]], tcpTimeout: 1000, strictArp: true } },
  prepare(lab) {
    lab.run('sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1', 'net.bridge.bridge-nf-call-ip6tables=1');
    lab.run('ipvsadm', '-A', '-t', others[0], '-s', 'wrr');
    addForeign(lab, backend);
  },
  // The rules know no Services, but by the sets.
  shown: (lab) => [virtuals(lab), lab.run('ip', '-o', 'addr'), lab.run('ipset', 'save')].join('\n'),
  shownOf: (lab, clusterIP) =>
    virtuals(lab)
      .split('\n')
      .filter((line) => line.includes(clusterIP))
      .sort(),
  sctp: {
    served: [
      /-a --sctp-service 10\.96\.0\.22:3868 -r 10\.244\.1\.11:3868 -m -w 1/,
      /-a --sctp-service 192\.168\.77\.1:30022 -r 10\.244\.1\.11:3868 -m -w 1/,
    ],
    refused: /-A --sctp-service 10\.96\.0\.22:3868 -s rr\s*\n(?!-a --sctp-service 10\.96\.0\.22)/,
  },
  takeAways: [
    async ({ lab, proxy }) => {
      lab.run('ipvsadm', '-D', '-t', '10.96.0.67:80');
      lab.run('ip', 'addr', 'flush', 'dev', 'kube-ipvs0');
      lab.run('ipset', 'flush', 'KUBE-CLUSTER-IP');
      await proxy.verify();
      await proxy.settled();
      assert.match(lab.run('ipset', 'list', 'KUBE-CLUSTER-IP'), /10\.96\.0\.67,tcp:80/);
    },
  ],
  keepsOthers(lab) {
    keepsForeign(lab, backend);
    assert.equal(virtuals(lab).trim(), `-A -t ${others[0]} -s wrr`);
  },
  cases: [kernel, weights, refusals],
};
