import { writeFile } from 'node:fs/promises';
import {
  CriError,
  type PodSandboxConfigOutput,
  type RunPodSandboxRequestOutput,
  type RunPodSandboxResponse,
} from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { dockerCgroupParent } from '../convert/cgroup-parent.js';
import { sandboxOptions } from '../convert/sandbox.js';
import { createOnce } from '../docker/create.js';
import { dockerMessage, toCriError } from '../docker/errors.js';
import { sandboxRecord } from '../labels.js';
import { ensurePauseImage } from '../pause/image.js';
import { resolveHandler } from '../runtime/handlers.js';
import { nowNanos } from '../time.js';
import { networkStatus, setUpNetwork, usesHostNetwork } from './network.js';
import { resolvConf } from './network-files.js';

/**
 * Runs a sandbox: image, container, start, network, the network's files, in this order. What fails half-way is undone, so the
 * caller may try again with the next attempt.
 */
export async function runPodSandbox(
  context: RuntimeContext,
  request: RunPodSandboxRequestOutput,
): Promise<RunPodSandboxResponse> {
  const { config } = request;
  if (!config?.metadata) throw new CriError('INVALID_ARGUMENT', 'sandbox config has no metadata');
  const { docker, logger } = context;
  const runtime = await resolveHandler(context.info, request.runtime_handler);
  const record = sandboxRecord(config, { createdAt: nowNanos(), runtimeHandler: request.runtime_handler });

  await ensurePauseImage(docker, context.pauseImage);
  const options = sandboxOptions(config, record, {
    image: context.pauseImage,
    owner: context.stateDir,
    host: context.host,
    runtime,
    cgroupParent: dockerCgroupParent(record.cgroupParent, (await context.info.get()).CgroupDriver),
  });
  const container = await createOnce(docker.quick, options);
  try {
    await container.start();
    const info = await container.inspect();
    if (usesHostNetwork(record)) await overwriteResolvConf(info.ResolvConfPath, config);
    else {
      const { ip, additional_ips: others } = networkStatus(
        await setUpNetwork(context, info.Id, record, info.State.Pid),
      );
      const addresses = [ip, ...others.map((other) => other.ip)];
      await context.networkFiles.write(info.Id, { dns: config.dns_config, hostname: config.hostname, addresses });
    }
    return { pod_sandbox_id: container.id };
  } catch (error) {
    await container.remove({ force: true, v: true }).catch((cleanup: unknown) => {
      logger.error('Failed sandbox could not be removed', { sandbox: container.id, error: dockerMessage(cleanup) });
    });
    throw toCriError(error, `run sandbox for pod ${record.metadata.namespace}/${record.metadata.name}`);
  }
}

/** In place: all containers of the pod have the very file Docker made mounted. */
async function overwriteResolvConf(path: string, config: PodSandboxConfigOutput): Promise<void> {
  const text = resolvConf(config.dns_config);
  if (text !== undefined) await writeFile(path, text);
}
