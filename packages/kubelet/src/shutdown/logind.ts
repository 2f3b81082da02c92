import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Logger } from '@kubelab/component-base';
import { sleep } from '../lifecycle/hooks.js';

export interface LogindOptions {
  logger: Logger;
  /** The machine is about to go down; it waits until the promise is done (or logind's own limit is over). */
  onShutdown(): Promise<void>;
  onCancel(): void;
}

const retryMs = 5_000;
const match = "type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'";

/**
 * Listens for systemd-logind's PrepareForShutdown and holds the shutdown up with a delay inhibitor meanwhile, by
 * systemd's own tools. Needs systemd; without it there is nothing to listen to, which is logged once.
 */
export async function followLogind(options: LogindOptions, signal: AbortSignal): Promise<void> {
  let inhibitor: ChildProcess | undefined;
  const inhibit = () => {
    inhibitor = spawn(
      'systemd-inhibit',
      [
        '--what=shutdown',
        '--mode=delay',
        '--who=kubelet',
        '--why=Kubelet needs time to handle node shutdown',
        'sleep',
        'infinity',
      ],
      { stdio: 'ignore' },
    );
    inhibitor.on('error', (error) => options.logger.warn('No shutdown inhibitor', { error }));
  };
  while (!signal.aborted) {
    const monitor = spawn('busctl', ['monitor', '--json=short', `--match=${match}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const failed = new Promise<Error | undefined>((resolve) => {
      monitor.on('error', resolve);
      monitor.on('exit', () => resolve(undefined));
    });
    const stop = () => monitor.kill();
    signal.addEventListener('abort', stop, { once: true });
    inhibit();
    const lines = createInterface({ input: monitor.stdout });
    lines.on('line', (line) => {
      const active = preparing(line);
      if (active === false) options.onCancel();
      if (active !== true) return;
      options.onShutdown().finally(() => inhibitor?.kill());
    });
    const error = await failed;
    signal.removeEventListener('abort', stop);
    inhibitor?.kill();
    if (error) {
      options.logger.warn('Node shutdown can’t be noticed: busctl does not run', { error });
      return;
    }
    await sleep(retryMs, signal);
  }
}

/** The signal's argument in a line of busctl's monitor: whether a shutdown begins. */
export function preparing(line: string): boolean | undefined {
  try {
    const message = JSON.parse(line) as { member?: string; payload?: { data?: unknown[] } };
    const [active] = message.payload?.data ?? [];
    return message.member === 'PrepareForShutdown' && typeof active === 'boolean' ? active : undefined;
  } catch {
    // busctl prints a line of words before the messages.
    return undefined;
  }
}
