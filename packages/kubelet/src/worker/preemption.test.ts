import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Quantity } from '@kubelab/apimachinery';
import { aPod } from '../testing/objects.js';
import { choosePreempted } from './preemption.js';

function pod(name: string, cpu: string | undefined, more: { priority?: number; limits?: boolean } = {}) {
  const amounts = cpu ? { cpu, memory: '1Mi' } : undefined;
  const resources = more.limits ? { requests: amounts, limits: amounts } : { requests: amounts };
  const made = aPod({ priority: more.priority, containers: [{ name: 'c', image: 'i', resources }] });
  return { ...made, metadata: { ...made.metadata, name, uid: name } };
}

describe('choosePreempted', () => {
  const critical = pod('critical', '1', { priority: 2_000_001_000 });
  const cpu = (text: string) => new Map([['cpu', Quantity.parse(text)]]);
  const chosen = (active: ReturnType<typeof pod>[], shortages: Map<string, Quantity>) =>
    choosePreempted(critical, active, shortages)?.map((victim) => victim.metadata.name);

  it('takes the least protected, and no more than needed', () => {
    const guaranteed = pod('guaranteed', '500m', { limits: true });
    const burstable = pod('burstable', '500m');
    const small = pod('small', '100m');
    assert.deepEqual(chosen([guaranteed, burstable, small, pod('idle', undefined)], cpu('400m')), ['burstable']);
    assert.deepEqual(chosen([guaranteed, burstable, small], cpu('600m'))?.sort(), ['burstable', 'small']);
    assert.deepEqual(chosen([guaranteed], cpu('1m')), ['guaranteed']);
  });

  it('takes lower priorities first, and none as critical as itself', () => {
    assert.deepEqual(chosen([pod('high', '1', { priority: 9 }), pod('low', '1', { priority: 1 })], cpu('1')), ['low']);
    assert.equal(chosen([pod('peer', '1', { priority: 2_000_001_000 })], cpu('1')), undefined);
    assert.equal(chosen([pod('little', '100m')], cpu('1')), undefined);
  });

  it('counts pods', () => {
    const shortages = new Map([['pods', Quantity.parse('1')]]);
    assert.deepEqual(chosen([pod('burstable', '1'), pod('idle', undefined)], shortages), ['idle']);
  });
});
