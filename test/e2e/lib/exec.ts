import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end; never rejects for its exit code. */
export function tryRun(command: string[], options: { input?: string; timeoutMs?: number } = {}): Promise<Result> {
  const [file = '', ...args] = command;
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { maxBuffer: 64 * 1024 * 1024, timeout: options.timeoutMs ?? 600_000 },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
        resolve({ code, stdout: String(stdout), stderr: String(stderr) });
      },
    );
    // A command that ends without reading its input is no failure of the test's own.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** Runs a command and returns its standard output; rejects with all it printed when it fails. */
export async function run(command: string[], options: { input?: string; timeoutMs?: number } = {}): Promise<string> {
  const result = await tryRun(command, options);
  if (result.code !== 0) {
    throw new Error(`${command.join(' ')}\nexit code ${result.code}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}

/** Repeats an assertion until it holds; rejects with its last error after the deadline. */
export async function eventually<T>(assertion: () => Promise<T>, timeoutMs = 240_000, intervalMs = 250): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() >= deadline) {
        throw error;
      }
    }
    await delay(intervalMs);
  }
}
