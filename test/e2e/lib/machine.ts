import { existsSync } from 'node:fs';
import { run, tryRun } from './exec.js';

/**
 * The machine that the suite's cluster is brought up on: a network namespace in the place of a host, so that a cluster
 * of the user's own on the same computer shares no address, port or rule with it. A second namespace stands for the
 * world outside: it knows no route to the cluster, so what reaches it and comes back was masqueraded.
 */
export const clusterName = process.env.KUBELAB_E2E_NAME ?? 'e2e';
export const hostNetns = `kubelab-${clusterName}-host`;
export const outsideNetns = `kubelab-${clusterName}-world`;
export const outsideAddress = '10.31.0.2';
export const hostOutsideAddress = '10.31.0.1';

export const etcDir = `/etc/kubelab-${clusterName}`;
export const adminKubeconfig = `${etcDir}/admin.kubeconfig`;

/** A command on the machine. */
export function onHost(command: string[]): string[] {
  return ['nsenter', `--net=/run/netns/${hostNetns}`, '--', ...command];
}

/** A command on a node of the lab. */
export function onNode(node: string, command: string[]): string[] {
  return ['nsenter', `--net=/run/netns/${clusterName}-${node}`, '--', ...command];
}

/** A command in the world outside. */
export function outside(command: string[]): string[] {
  return ['nsenter', `--net=/run/netns/${outsideNetns}`, '--', ...command];
}

export async function createMachine(): Promise<void> {
  await removeMachine();
  await run(['ip', 'netns', 'add', hostNetns]);
  await run(['ip', 'netns', 'add', outsideNetns]);
  await run(['ip', '-n', hostNetns, 'link', 'set', 'lo', 'up']);
  await run(['ip', '-n', outsideNetns, 'link', 'set', 'lo', 'up']);
  await run([
    ...['ip', '-n', hostNetns, 'link', 'add', 'world', 'type', 'veth'],
    ...['peer', 'name', 'eth0', 'netns', outsideNetns],
  ]);
  await run(['ip', '-n', hostNetns, 'address', 'add', `${hostOutsideAddress}/24`, 'dev', 'world']);
  await run(['ip', '-n', outsideNetns, 'address', 'add', `${outsideAddress}/24`, 'dev', 'eth0']);
  await run(['ip', '-n', hostNetns, 'link', 'set', 'world', 'up']);
  await run(['ip', '-n', outsideNetns, 'link', 'set', 'eth0', 'up']);
  await run(['ip', '-n', hostNetns, 'route', 'add', 'default', 'via', outsideAddress]);
}

const labRoute = ['10.30.0.0/24', 'via', hostOutsideAddress];

/** The world outside gets a route to the nodes' network, as a router beside the cluster would give it. */
export async function routeToLab(): Promise<void> {
  await run(outside(['ip', 'route', 'replace', ...labRoute]));
}

export async function removeRouteToLab(): Promise<void> {
  await run(outside(['ip', 'route', 'del', ...labRoute]));
}

export async function removeMachine(): Promise<void> {
  for (const name of [hostNetns, outsideNetns]) {
    if (existsSync(`/run/netns/${name}`)) {
      await tryRun(['ip', 'netns', 'delete', name]);
    }
  }
}
