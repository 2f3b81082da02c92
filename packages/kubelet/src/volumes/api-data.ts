import { mkdir, readdir } from 'node:fs/promises';
import type { V1VolumeProjection } from '@kubelab/api';
import { writeAtomically } from './atomic-writer.js';
import { isMountPoint, mount } from './mounts.js';
import { configMapPayload, downwardPayload, type Payload, secretPayload } from './payload.js';
import type { SetUpContext, VolumePlugin } from './types.js';

const defaultTokenSeconds = 3600;

/** Containers see these volumes read-only: what they wrote would be lost with the next update. */
async function write(context: SetUpContext, payload: Payload) {
  await writeAtomically(context.dir, payload, context.fsGroup);
  return { hostPath: context.dir, readOnly: true };
}

/** As `write`, on a tmpfs: secrets and tokens never reach a disk. */
async function writeToMemory(context: SetUpContext, payload: Payload) {
  const { dir } = context;
  await mkdir(dir, { recursive: true, mode: 0o755 });
  // Content of an agent that used the disk is in use by containers: it must stay where it is.
  if ((await readdir(dir)).length === 0 && !(await isMountPoint(dir))) {
    await mount({ source: 'tmpfs', target: dir, fsType: 'tmpfs', options: ['mode=0755'] });
  }
  return write(context, payload);
}

export const configMap: VolumePlugin = {
  folder: 'kubernetes.io~configmap',
  refreshes: true,
  supports: (volume) => volume.configMap !== undefined && volume.configMap !== null,
  async setUp(context) {
    const source = context.volume.configMap ?? {};
    return write(context, await configMapPayload(context.pod, source, source.defaultMode, context.objects));
  },
};

export const secret: VolumePlugin = {
  folder: 'kubernetes.io~secret',
  refreshes: true,
  supports: (volume) => volume.secret !== undefined && volume.secret !== null,
  async setUp(context) {
    const source = context.volume.secret ?? {};
    const named = { name: source.secretName, items: source.items, optional: source.optional };
    return writeToMemory(context, await secretPayload(context.pod, named, source.defaultMode, context.objects));
  },
};

export const downwardApi: VolumePlugin = {
  folder: 'kubernetes.io~downward-api',
  refreshes: true,
  supports: (volume) => volume.downwardAPI !== undefined && volume.downwardAPI !== null,
  async setUp(context) {
    const source = context.volume.downwardAPI ?? {};
    return writeToMemory(context, downwardPayload(context.pod, source.items, source.defaultMode, context.fields));
  },
};

/** projected: several sources in one folder, service account tokens among them. */
export const projected: VolumePlugin = {
  folder: 'kubernetes.io~projected',
  refreshes: true,
  supports: (volume) => volume.projected !== undefined && volume.projected !== null,
  async setUp(context) {
    const source = context.volume.projected ?? {};
    const payload: Payload = new Map();
    for (const projection of source.sources ?? []) {
      for (const [path, file] of await project(context, projection, source.defaultMode)) payload.set(path, file);
    }
    return writeToMemory(context, payload);
  },
};

async function project(context: SetUpContext, source: V1VolumeProjection, mode: number | undefined): Promise<Payload> {
  if (source.configMap) return configMapPayload(context.pod, source.configMap, mode, context.objects);
  if (source.secret) return secretPayload(context.pod, source.secret, mode, context.objects);
  if (source.downwardAPI) return downwardPayload(context.pod, source.downwardAPI.items, mode, context.fields);
  if (source.serviceAccountToken) {
    const { audience, expirationSeconds, path } = source.serviceAccountToken;
    const text = await context.objects.token(context.pod, audience, expirationSeconds ?? defaultTokenSeconds);
    return new Map([[path, { data: Buffer.from(text), ...tokenOwner(context, mode) }]]);
  }
  throw new Error('projected volume: a source of this kind is not supported');
}

/**
 * A token is readable by its owner only: by the pod's user where all containers run as the same one; by all of the
 * fsGroup besides where there is one.
 */
function tokenOwner(context: SetUpContext, mode: number | undefined): { mode: number; uid?: number } {
  const podUser = context.pod.spec.securityContext?.runAsUser;
  const containers = [...(context.pod.spec.initContainers ?? []), ...context.pod.spec.containers];
  const users = new Set(containers.map((container) => container.securityContext?.runAsUser ?? podUser));
  const [user] = users;
  if (users.size === 1 && user !== undefined) return { mode: 0o600, uid: user };
  return { mode: context.fsGroup === undefined ? (mode ?? 0o644) : 0o600 };
}
