import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bandwidth, checkBandwidth } from './bandwidth.js';

const ingress = (text: string) => ({ 'kubernetes.io/ingress-bandwidth': text });

test('annotations become rates with bursts of a tenth of a second', () => {
  assert.deepEqual(bandwidth({}), {});
  const both = { ...ingress('10M'), 'kubernetes.io/egress-bandwidth': '1Gi' };
  assert.deepEqual(bandwidth(both), {
    bandwidth: { ingressRate: 1e7, ingressBurst: 1e6, egressRate: 2 ** 30, egressBurst: Math.ceil(2 ** 30 / 10) },
  });
  const rates: [string, number][] = [
    ['1000', 1000],
    ['1k', 1000],
    ['1.5M', 1_500_000],
    ['2e6', 2_000_000],
    ['1P', 1e15],
  ];
  for (const [text, ingressRate] of rates) {
    const got = (bandwidth(ingress(text)).bandwidth as { ingressRate: number; ingressBurst: number }) ?? {};
    assert.equal(got.ingressRate, ingressRate, text);
    assert.ok(got.ingressBurst >= 64 * 1024 * 8 && got.ingressBurst < 2 ** 31, text);
  }
});

test('what is no limit is refused when the pod starts, and does not hinder its end', () => {
  checkBandwidth({});
  checkBandwidth(ingress('10M'));
  const cases: [string, RegExp][] = [
    ['1', /unreasonably small \(< 1kbit\)/],
    ['1E', /unreasonably large \(> 1Pbit\)/],
    ['fast', /"fast" is no quantity/],
    ['', /is no quantity/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => checkBandwidth(ingress(text)), message);
    assert.deepEqual(bandwidth(ingress(text)), {});
  }
});
