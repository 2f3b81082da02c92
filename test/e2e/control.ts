// Brings up and removes the shared cluster of the suites: node control.js up|down [further options of kubelab up]
// KUBELAB_E2E_NAME names another one, beside it.

import { existsSync } from 'node:fs';
import { kubelab } from './lib/cluster.js';
import { tryRun } from './lib/exec.js';
import { clusterName, createMachine, hostNetns, onHost, removeMachine } from './lib/machine.js';

const [, , action, ...further] = process.argv;

/** What a run that was cut off left behind is removed by the same command as always, and then by name. */
async function down(): Promise<void> {
  const inside = existsSync(`/run/netns/${hostNetns}`);
  const command = [process.execPath, new URL('../../../packages/cli/dist/main.js', import.meta.url).pathname, 'down'];
  const full = [...command, `--name=${clusterName}`];
  const result = await tryRun(inside ? onHost(full) : full, { timeoutMs: 600_000 });
  process.stdout.write(result.stdout + result.stderr);
  if (result.code !== 0) {
    throw new Error(`down ended with ${result.code}`);
  }
  await removeMachine();
}

async function up(): Promise<void> {
  await down();
  await createMachine();
  process.stdout.write(
    await kubelab('up', '--nodes=2', '--addon=ingress', '--load-balancer-pool=10.30.0.200-10.30.0.220', ...further),
  );
}

if (action === 'up') {
  await up();
} else if (action === 'down') {
  await down();
} else {
  process.stderr.write('control.js up|down\n');
  process.exitCode = 2;
}
