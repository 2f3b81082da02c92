import { CriError } from '@kubelab/cri';
import type { DaemonInfo } from '../docker/info.js';

/**
 * Docker's runtime for a CRI runtime handler: '' stands for Docker's default, any other name for the runtime of that
 * name in Docker's configuration. Throws INVALID_ARGUMENT for one Docker does not know.
 */
export async function resolveHandler(info: DaemonInfo, handler: string): Promise<string> {
  if (handler === '' || handler === 'docker') return '';
  const known = await info.get();
  if (handler in (known.Runtimes ?? {}) || handler in ((await info.fresh()).Runtimes ?? {})) return handler;
  throw new CriError('INVALID_ARGUMENT', `no runtime for "${handler}" is configured`);
}
