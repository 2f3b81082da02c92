import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aPod } from '../testing/objects.js';
import { Backoff } from './backoff.js';
import { gracePeriod } from './kill-container.js';
import { formatDelay } from './run-actions.js';
import { verifyNonRoot } from './security-context.js';
import { TerminationOrder } from './termination-order.js';

describe('Backoff', () => {
  it('doubles up to its maximum and forgets after twice that', () => {
    let now = 0;
    const backoff = new Backoff(10_000, 300_000, () => now);
    assert.equal(backoff.remaining('k', now), 0);
    const delays = [];
    for (let i = 0; i < 7; i++) {
      backoff.next('k', now);
      delays.push(backoff.get('k') / 1000);
      now += backoff.get('k');
    }
    assert.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300]);
    const ended = now;
    assert.equal(backoff.remaining('k', ended), 300_000);
    now += 100_000;
    assert.equal(backoff.remaining('k', ended), 200_000);
    now += 700_000;
    assert.equal(backoff.remaining('k', now), 0);
    backoff.next('k', now);
    assert.equal(backoff.get('k'), 10_000);
  });
});

describe('formatDelay', () => {
  for (const [ms, text] of [
    [10_000, '10s'],
    [80_000, '1m20s'],
    [300_000, '5m0s'],
  ] as const) {
    it(text, () => assert.equal(formatDelay(ms), text));
  }
});

describe('gracePeriod', () => {
  const container = { name: 'c', livenessProbe: { terminationGracePeriodSeconds: 3 } };
  const cases: [string, object, object, 'LivenessProbe' | undefined, number | undefined, number][] = [
    ['the default', {}, {}, undefined, undefined, 30],
    ['the spec', { terminationGracePeriodSeconds: 7 }, {}, undefined, undefined, 7],
    ['the deletion', { terminationGracePeriodSeconds: 7 }, { deletionGracePeriodSeconds: 1 }, undefined, undefined, 1],
    ['the probe', { terminationGracePeriodSeconds: 7 }, {}, 'LivenessProbe', undefined, 3],
    ['an override', { terminationGracePeriodSeconds: 7 }, {}, 'LivenessProbe', 2, 2],
  ];
  for (const [what, spec, metadata, reason, override, want] of cases) {
    it(what, () => assert.equal(gracePeriod(aPod(spec, metadata), container, reason, override), want));
  }
});

describe('verifyNonRoot', () => {
  const image = (uid: number | undefined, name = '') => ({ uid, name });
  const cases: [string, number | undefined, ReturnType<typeof image>, RegExp | undefined][] = [
    ['root in the image', undefined, image(undefined), /image will run as root/],
    ['user 0 in the image', undefined, image(0), /image will run as root/],
    ['a name in the image', undefined, image(undefined, 'app'), /non-numeric user \(app\)/],
    ['a number in the image', undefined, image(5), undefined],
    ['runAsUser 0', 0, image(5), /breaks non-root policy/],
    ['runAsUser 7', 7, image(0), undefined],
  ];
  for (const [what, runAsUser, user, error] of cases) {
    it(what, () => {
      const pod = aPod({ securityContext: { runAsNonRoot: true, runAsUser } });
      const check = () => verifyNonRoot(pod, { name: 'c' }, user);
      if (error) assert.throws(check, error);
      else check();
    });
  }
});

describe('TerminationOrder', () => {
  it('stops sidecars last, in reverse order', async () => {
    const sidecar = (name: string) => ({ name, image: 'i', restartPolicy: 'Always' });
    const pod = aPod({ initContainers: [sidecar('s1'), sidecar('s2')] });
    const order = new TerminationOrder(pod, ['c', 's1', 's2']);
    const stopped: string[] = [];
    const stop = async (name: string) => {
      await order.waitForTurn(name, 10_000);
      stopped.push(name);
      order.stopped(name);
    };
    await Promise.all(['s1', 's2', 'c'].map(stop));
    assert.deepEqual(stopped, ['c', 's2', 's1']);
  });
});
