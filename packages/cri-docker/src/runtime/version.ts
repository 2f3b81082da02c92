import type { RuntimeConfigResponse, VersionResponse } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { toCriError } from '../docker/errors.js';

export async function version(context: RuntimeContext): Promise<VersionResponse> {
  try {
    const docker = await context.docker.quick.version();
    return {
      version: '0.1.0',
      runtime_name: 'docker',
      runtime_version: docker.Version,
      runtime_api_version: 'v1',
    };
  } catch (error) {
    throw toCriError(error, 'Docker version');
  }
}

/** The cgroup driver the kubelet must use too: Docker's. */
export async function runtimeConfig(context: RuntimeContext): Promise<RuntimeConfigResponse> {
  try {
    const { CgroupDriver } = await context.info.get();
    return { linux: { cgroup_driver: CgroupDriver === 'systemd' ? 'SYSTEMD' : 'CGROUPFS' } };
  } catch (error) {
    throw toCriError(error, 'Docker info');
  }
}
