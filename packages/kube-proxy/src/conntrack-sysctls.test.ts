import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conntrackSettings, defaultConntrack } from './conntrack-sysctls.js';

const kernel: Record<string, number> = {
  nf_conntrack_max: 262144,
  nf_conntrack_tcp_timeout_established: 432000,
  nf_conntrack_tcp_timeout_close_wait: 60,
  nf_conntrack_tcp_be_liberal: 0,
  nf_conntrack_udp_timeout: 30,
  nf_conntrack_udp_timeout_stream: 120,
};
const settings = (o: object, cores: number, now = kernel) =>
  Object.fromEntries(conntrackSettings({ ...defaultConntrack, ...o }, cores, (n) => now[n]));

test("kube-proxy's defaults; a higher limit stays unless a lower one was asked for", () => {
  const times = { nf_conntrack_tcp_timeout_established: 86400, nf_conntrack_tcp_timeout_close_wait: 3600 };
  assert.deepEqual(settings({}, 2), times);
  assert.deepEqual(settings({}, 16), { nf_conntrack_max: 524288, ...times });
  assert.deepEqual(settings({ mayLower: true }, 2), { nf_conntrack_max: 131072, ...times });
  assert.deepEqual(settings({ mayLower: true, maxPerCore: 0 }, 2), times);
  assert.deepEqual(settings({}, 2, { ...kernel, ...times }), {});
});

test('0 leaves a value as it is', () => {
  assert.deepEqual(settings({ tcpEstablished: 0, tcpCloseWait: 0 }, 2), {});
  assert.deepEqual(settings({ tcpEstablished: 0, tcpCloseWait: 0, udp: 10, udpStream: 60, tcpBeLiberal: true }, 2), {
    nf_conntrack_udp_timeout: 10,
    nf_conntrack_udp_timeout_stream: 60,
    nf_conntrack_tcp_be_liberal: 1,
  });
});
