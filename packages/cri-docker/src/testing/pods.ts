/** For integration tests: short ways to sandboxes and containers. */
import type { ContainerConfig, CriClient, PodSandboxConfig } from '@kubelab/cri';
import { cgroupParent, type TestRuntime, until } from './dockerd.js';

export const image = 'test/busybox:1';

let counter = 0;

export interface TestPod {
  id: string;
  config: PodSandboxConfig;
}

/** Runs a sandbox with a log folder of its own. */
export async function runPod(runtime: TestRuntime, extra: Partial<PodSandboxConfig> = {}): Promise<TestPod> {
  const name = `pod${counter++}`;
  const config: PodSandboxConfig = {
    metadata: { name, uid: `uid-${name}`, namespace: 'test', attempt: 0 },
    log_directory: `${runtime.dir}/logs/${name}`,
    ...extra,
    linux: { cgroup_parent: cgroupParent, ...extra.linux },
  };
  const { pod_sandbox_id } = await runtime.cri.runPodSandbox({ config });
  return { id: pod_sandbox_id, config };
}

/** Creates a container that runs a shell script; its log is NAME.log. */
export async function createContainer(
  runtime: TestRuntime,
  pod: TestPod,
  script: string,
  extra: Partial<ContainerConfig> = {},
): Promise<string> {
  const name = `c${counter++}`;
  const { container_id } = await runtime.cri.createContainer({
    pod_sandbox_id: pod.id,
    sandbox_config: pod.config,
    config: {
      metadata: { name, attempt: 0 },
      image: { image },
      command: ['/bin/sh', '-c', script],
      log_path: `${name}.log`,
      ...extra,
    },
  });
  return container_id;
}

export async function startContainer(
  runtime: TestRuntime,
  pod: TestPod,
  script = 'sleep 1000',
  extra: Partial<ContainerConfig> = {},
): Promise<string> {
  const id = await createContainer(runtime, pod, script, extra);
  await runtime.cri.startContainer({ container_id: id });
  return id;
}

/** What a command in a container prints; its exit code must be 0. */
export async function output(cri: CriClient, id: string, ...cmd: string[]): Promise<string> {
  const { stdout, stderr, exit_code } = await cri.execSync({ container_id: id, cmd, timeout: 120 });
  if (exit_code !== 0) throw new Error(`${cmd.join(' ')} ended with ${exit_code}: ${stdout}${stderr}`);
  return stdout.toString().trim();
}

/** Polls a container's status until it has ended. */
export function waitForExit(cri: CriClient, id: string) {
  return until(async () => {
    const { status } = await cri.containerStatus({ container_id: id });
    if (status?.state === 'CONTAINER_EXITED') return status;
    throw new Error(`container ${id} is ${status?.state}`);
  });
}

/** All a stream has, once it has ended. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}
