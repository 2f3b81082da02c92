import assert from 'node:assert/strict';
import type { ProxyMode } from '../options.js';
import type { Lab } from '../testing/lab.js';
import type { Stage } from './stage.js';

/** One state of a case. All cases reach theirs at the same time, in one sync: they have Services of their own. */
export interface Step {
  /** What is to be seen, for the test's name. */
  name: string;
  /** Changes Services and endpoints. */
  set(stage: Stage): void | Promise<void>;
  /** Asks from places of the lab. */
  see(lab: Lab, stage: Stage): Promise<void>;
}

/** One behaviour of Services. What kube-proxy does otherwise in a mode, the case says. */
export interface TrafficCase {
  name: string;
  /** States after each other; made anew for each mode, so that one can keep what it saw for the next. */
  steps(mode: ProxyMode): Step[];
}

/** One behaviour for which the proxy starts again, or has what is there taken from it: alone, in the order of the list. */
export interface RestartCase {
  name: string;
  /** Of these modes alone; the case says why. */
  modes?: readonly ProxyMode[];
  run(stage: Stage): Promise<void>;
}

/** Far more than chance needs to name each endpoint once. */
const mostAsked = 300;
/** Asked beyond one request for each, so that others would be seen. */
const leastMore = 6;

/** That an address leads to these servers, to each of them and to no other. */
export async function leadsTo(lab: Lab, from: string, address: string, ...names: string[]): Promise<void> {
  const missing = new Set(names);
  for (let n = 0; n < mostAsked && (missing.size > 0 || n < names.length + leastMore); n++) {
    const name = (await lab.get(from, address)).split(' ')[0] ?? '';
    assert.ok(names.includes(name), `${from}: ${address} led to ${name}`);
    missing.delete(name);
  }
  assert.deepEqual([...missing], [], `${from}: ${address} never led there`);
}

/** That nothing comes back. A second is enough: what answers does so in milliseconds, and late answers are no failure here. */
export async function noAnswer(lab: Lab, from: string, address: string): Promise<void> {
  assert.equal(await lab.get(from, address, 1), 'timeout', `${from}: ${address}`);
}
