import { fileURLToPath } from 'node:url';
import { type Result, run, tryRun } from './exec.js';
import { adminKubeconfig, clusterName, onHost } from './machine.js';

/** The entry of the `kubelab` command. */
export const main = fileURLToPath(new URL('../../../../packages/cli/dist/main.js', import.meta.url));

/** Runs the `kubelab` command on the suite's machine. */
export function kubelab(command: string, ...args: string[]): Promise<string> {
  return run(onHost([process.execPath, main, command, ...args, `--name=${clusterName}`]), {
    timeoutMs: 900_000,
  });
}

const kubectlBinary = process.env.KUBECTL ?? 'kubectl';

function kubectlCommand(args: string[]): string[] {
  return onHost([kubectlBinary, `--kubeconfig=${adminKubeconfig}`, ...args]);
}

/** Runs kubectl as the admin and returns what it printed; rejects when it fails. */
export function kubectl(...args: string[]): Promise<string> {
  return run(kubectlCommand(args));
}

export function kubectlInput(input: string, ...args: string[]): Promise<string> {
  return run(kubectlCommand(args), { input });
}

export function tryKubectl(...args: string[]): Promise<Result> {
  return tryRun(kubectlCommand(args));
}

/** Reads an object or a list as JSON. */
export async function getJson<T>(...args: string[]): Promise<T> {
  return JSON.parse(await kubectl('get', ...args, '-o', 'json')) as T;
}

export interface Pod {
  metadata: { name: string; namespace: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { phase: string; podIP?: string; containerStatuses?: { restartCount: number; ready: boolean }[] };
}

/** The pods with a label that are not being deleted. */
export async function pods(namespace: string, selector: string): Promise<Pod[]> {
  const list = await getJson<{ items: Pod[] }>('pods', '-n', namespace, '-l', selector);
  return list.items.filter((pod) => !pod.metadata.deletionTimestamp);
}
