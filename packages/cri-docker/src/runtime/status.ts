import { NoNetworkConfigError } from '@kubelab/cni';
import type { RuntimeCondition, StatusRequestOutput, StatusResponse } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { dockerMessage } from '../docker/errors.js';

/** Whether pods can be run: RuntimeReady, and NetworkReady for those not on the host's network. Never throws. */
export async function runtimeStatus(context: RuntimeContext, request: StatusRequestOutput): Promise<StatusResponse> {
  const [runtime, network] = await Promise.all([runtimeCondition(context), networkCondition(context)]);
  const answer: StatusResponse = {
    status: { conditions: [runtime, network] },
    features: { supplemental_groups_policy: true },
  };
  if (!runtime.status) return answer;
  const info = await (request.verbose ? context.info.fresh() : context.info.get());
  const features = {
    // Docker's own or, where it has none, made by the shim.
    recursive_read_only_mounts: true,
    user_namespaces: false,
  };
  answer.runtime_handlers = ['', ...Object.keys(info.Runtimes ?? {})].map((name) => ({ name, features }));
  if (request.verbose) answer.info = { docker: JSON.stringify(info) };
  return answer;
}

async function runtimeCondition(context: RuntimeContext): Promise<RuntimeCondition> {
  try {
    await context.docker.quick.ping();
    return { type: 'RuntimeReady', status: true };
  } catch (error) {
    const message = `docker: failed to get docker version: ${dockerMessage(error)}`;
    return { type: 'RuntimeReady', status: false, reason: 'DockerDaemonNotReady', message };
  }
}

async function networkCondition(context: RuntimeContext): Promise<RuntimeCondition> {
  try {
    await context.cni.status();
    return { type: 'NetworkReady', status: true };
  } catch (error) {
    const why =
      error instanceof NoNetworkConfigError ? `cni config uninitialized: ${error.message}` : (error as Error).message;
    const message = `docker: network plugin is not ready: ${why}`;
    return { type: 'NetworkReady', status: false, reason: 'NetworkPluginNotReady', message };
  }
}
