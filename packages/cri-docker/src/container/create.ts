import { mkdir, realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import {
  type ContainerConfigOutput,
  type CreateContainerRequestOutput,
  type CreateContainerResponse,
  CriError,
  type MountOutput,
} from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { dockerCgroupParent } from '../convert/cgroup-parent.js';
import { containerOptions, stopSignalOf } from '../convert/container.js';
import { dockerMounts } from '../convert/mounts.js';
import { createOnce } from '../docker/create.js';
import { requireImage } from '../image/inspect.js';
import { prepareImageMounts } from '../image/mounts.js';
import type { ContainerRecord } from '../labels.js';
import { mountAbilities } from '../runtime/abilities.js';
import { resolveHandler } from '../runtime/handlers.js';
import { inspectSandbox } from '../sandbox/status.js';
import { nowNanos } from '../time.js';
import { needsStage } from './read-only-stages.js';
import { checkUnified } from './unified.js';
import { resolveUser } from './user.js';

/** Creates a container in a sandbox that runs. Its image must be there. */
export async function createContainer(
  context: RuntimeContext,
  request: CreateContainerRequestOutput,
): Promise<CreateContainerResponse> {
  const { config } = request;
  if (!config?.metadata) throw new CriError('INVALID_ARGUMENT', 'container config has no metadata');
  if (!config.image?.image) throw new CriError('INVALID_ARGUMENT', 'container config has no image');
  const { docker } = context;
  const [sandbox, image] = await Promise.all([
    inspectSandbox(context, request.pod_sandbox_id),
    requireImage(docker.quick, config.image.image),
  ]);
  if (!sandbox.info.State.Running) {
    throw new CriError('FAILED_PRECONDITION', `sandbox ${request.pod_sandbox_id} is not running`);
  }
  const logDirectory = request.sandbox_config?.log_directory || sandbox.record.logDirectory;
  const unified = config.linux?.resources?.unified ?? {};
  checkUnified(unified);
  const user = await resolveUser(config.linux?.security_context, image.Config.User, () =>
    context.imageUsers.of(image.Id),
  );
  const files = await context.networkFiles.mountsFor(sandbox.info.Id, config);
  const abilities = await mountAbilities(context);
  const prepared = await prepareImageMounts(context, await prepareHostPaths([...files, ...config.mounts]));
  const stages: string[] = [];
  try {
    const mounts = abilities.recursiveReadOnly ? prepared.mounts : await staged(context, prepared.mounts, stages);
    const record: ContainerRecord = {
      version: 1,
      metadata: config.metadata,
      labels: config.labels,
      annotations: config.annotations,
      createdAt: nowNanos(),
      image: config.image.image,
      userSpecifiedImage: config.image.user_specified_image,
      logPath: logPathOf(config, logDirectory),
      stopSignal: stopSignalOf(config),
      // As they came, and with what their images were found to be.
      mounts: config.mounts.map((mount, index) => ({
        ...mount,
        image: prepared.mounts[files.length + index]?.image ?? null,
      })),
      ...(Object.keys(unified).length > 0 ? { unified } : {}),
      ...(user.ids ? { user: user.ids } : {}),
    };
    const options = containerOptions(config, {
      owner: context.stateDir,
      sandboxId: sandbox.info.Id,
      sandbox: sandbox.record,
      record,
      imageId: image.Id,
      host: context.host,
      ...dockerMounts(mounts, abilities),
      user: user.user,
      groups: user.groups,
      runtime: await resolveHandler(context.info, sandbox.record.runtimeHandler),
      cgroupParent: dockerCgroupParent(sandbox.record.cgroupParent, (await context.info.get()).CgroupDriver),
    });
    const container = await createOnce(docker.quick, options);
    return { container_id: container.id };
  } catch (error) {
    await context.readOnlyStages.remove(stages);
    throw error;
  } finally {
    prepared.done();
  }
}

function logPathOf(config: ContainerConfigOutput, directory: string): string {
  if (config.log_path === '' || (directory === '' && !isAbsolute(config.log_path))) return '';
  return join(directory, config.log_path);
}

/** Has stages in the place of host paths that are to be mounted read-only with all below; they are added to `stages`. */
async function staged(context: RuntimeContext, mounts: MountOutput[], stages: string[]): Promise<MountOutput[]> {
  const result: MountOutput[] = [];
  for (const mount of mounts) {
    if (!needsStage(mount)) {
      result.push(mount);
      continue;
    }
    const stage = await context.readOnlyStages.make(mount.host_path);
    stages.push(stage);
    result.push({ ...mount, host_path: stage });
  }
  return result;
}

/** Makes folders for host paths that do not exist, as other runtimes do, and follows links to the real ones. */
async function prepareHostPaths(mounts: MountOutput[]): Promise<MountOutput[]> {
  return Promise.all(
    mounts.map(async (mount) => {
      if (mount.host_path === '') return mount;
      try {
        return { ...mount, host_path: await realpath(mount.host_path) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
          throw new CriError('INVALID_ARGUMENT', `mount ${mount.container_path}: ${(error as Error).message}`);
        }
        await mkdir(mount.host_path, { recursive: true });
        return mount;
      }
    }),
  );
}
