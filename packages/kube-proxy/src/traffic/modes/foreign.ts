import assert from 'node:assert/strict';
import type { Backend } from '@kubelab/node-iptables';
import type { Lab } from '../../testing/lab.js';

/** A rule of somebody else. */
export function addForeign(lab: Lab, backend: Backend): void {
  lab.run(
    `iptables-${backend}`,
    '-w',
    '-t',
    'nat',
    '-A',
    'PREROUTING',
    '-m',
    'comment',
    '--comment',
    'foreign',
    '-j',
    'ACCEPT',
  );
}

export function keepsForeign(lab: Lab, backend: Backend): void {
  assert.match(lab.run(`iptables-${backend}-save`), /--comment foreign/);
}

/** Empties the tables, as somebody does who thinks that they are his; with `-X` the chains go too. */
export function flush(lab: Lab, backend: Backend, ...what: ('-F' | '-X')[]): void {
  for (const table of ['mangle', 'nat', 'filter']) {
    for (const flag of what) lab.run(`iptables-${backend}`, '-w', '-t', table, flag);
  }
  addForeign(lab, backend);
}
