import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@kubelab/component-base';

interface Hook {
  name: string;
  run(): Promise<void>;
  /** Run again this often; 0 for once. */
  everyMs: number;
  done: boolean;
}

const retryMs = 500;

/**
 * Work that begins when the server serves (post-start hooks): each is repeated until it succeeds, which /readyz waits
 * for, and then again at its interval.
 */
export class StartHooks {
  private readonly hooks: Hook[] = [];
  private readonly stopping = new AbortController();
  private running: Promise<void>[] = [];

  constructor(private readonly logger: Logger) {}

  add(name: string, run: () => Promise<void>, everyMs = 0): void {
    this.hooks.push({ name, run, everyMs, done: false });
  }

  /**
   * Does what must be done before the server serves; shown in /readyz by the names that Kubernetes gives its parts.
   * Rejects when it fails.
   */
  async before<T>(names: string[], run: () => Promise<T>): Promise<T> {
    const steps = names.map((name): Hook => ({ name, run: () => Promise.resolve(), everyMs: 0, done: false }));
    this.hooks.push(...steps);
    const result = await run();
    for (const step of steps) step.done = true;
    return result;
  }

  get names(): string[] {
    return this.hooks.map((hook) => hook.name);
  }

  /** Whether the hook has succeeded once. */
  done(name: string): boolean {
    return this.hooks.some((hook) => hook.name === name && hook.done);
  }

  start(): void {
    this.running = this.hooks.filter((hook) => !hook.done).map((hook) => this.loop(hook));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
  }

  private async loop(hook: Hook): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      let waitMs = retryMs;
      try {
        await hook.run();
        hook.done = true;
        waitMs = hook.everyMs;
        if (waitMs === 0) {
          return;
        }
      } catch (error) {
        this.logger.warn('A start hook failed', { hook: hook.name, error, retryInMs: retryMs });
      }
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
