import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Logger } from '@kubelab/component-base';

const intervalMs = 5000;

/**
 * The text of a file, and later each other text it has. Rejects if it can't be read now; later errors are logged, and
 * the text before stays.
 */
export async function watchText(
  path: string,
  onChange: (text: string) => void,
  logger: Logger,
  signal: AbortSignal,
): Promise<string> {
  const text = await readFile(path, 'utf8');
  watchFile(path, { interval: intervalMs, persistent: false }, () => {
    readFile(path, 'utf8').then(onChange, (error: unknown) =>
      logger.error('Reading a file again failed', { path, error }),
    );
  });
  signal.addEventListener('abort', () => unwatchFile(path), { once: true });
  return text;
}
