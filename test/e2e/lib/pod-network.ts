import type { Pod } from './cluster.js';
import { run } from './exec.js';
import { runDir } from './processes.js';

/** Puts commands of this machine into the network of a pod. */
export async function podNetwork(pod: Pod): Promise<(command: string[]) => string[]> {
  const docker = ['docker', '-H', `unix://${runDir}/nodes/${pod.spec.nodeName}/docker.sock`];
  const ids = await run([...docker, 'ps', '-q', '--filter', `label=io.kubernetes.pod.uid=${pod.metadata.uid}`]);
  const [id = ''] = ids.split('\n');
  const pid = (await run([...docker, 'inspect', '--format', '{{.State.Pid}}', id])).trim();
  return (command) => ['nsenter', `--net=/proc/${pid}/ns/net`, '--', ...command];
}
