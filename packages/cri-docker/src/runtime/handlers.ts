import { CriError } from '@kubelab/cri';
import type Docker from 'dockerode';

/**
 * Docker's runtime for a CRI runtime handler: '' stands for Docker's default, any other name for the runtime of that
 * name in Docker's configuration. Throws INVALID_ARGUMENT for one Docker does not know.
 */
export async function resolveHandler(docker: Docker, handler: string): Promise<string> {
  if (handler === '' || handler === 'docker') return '';
  const info = (await docker.info()) as { Runtimes?: Record<string, unknown> };
  if (info.Runtimes && handler in info.Runtimes) return handler;
  throw new CriError('INVALID_ARGUMENT', `no runtime for "${handler}" is configured`);
}
