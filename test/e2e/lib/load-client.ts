import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface LoadResult {
  sent: number;
  failures: string[];
  /** How often each body was answered. */
  answers: Record<string, number>;
}

/** Starts a steady load on a URL; `wrap` puts it into a network. Call the returned function to end it and have its counts. */
export function startLoad(
  wrap: (command: string[]) => string[],
  url: string,
  requestsPerSecond: number,
): () => Promise<LoadResult> {
  const script = fileURLToPath(new URL('./load.js', import.meta.url));
  const [file = '', ...args] = wrap([process.execPath, script, url, String(requestsPerSecond)]);
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    output += chunk;
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  return async () => {
    child.stdin.end();
    await ended;
    return JSON.parse(output) as LoadResult;
  };
}
