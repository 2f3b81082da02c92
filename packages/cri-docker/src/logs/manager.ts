import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@kubelab/component-base';
import { LogFollower } from './follower.js';

/** As in the container options' max-file. */
const maxSourceFiles = 3;

/** A container whose log is to be written. */
export interface LoggedContainer {
  id: string;
  /** Absolute path of its CRI log; '' for none. */
  logPath: string;
  running: boolean;
}

/** The CRI logs of all containers of this runtime. */
export class LogManager {
  readonly #followers = new Map<string, Promise<LogFollower>>();

  /**
   * @param dockerRoot Docker's data folder, where its json-file logs are
   * @param stateDir where checkpoints are kept
   */
  constructor(
    private readonly dockerRoot: string,
    private readonly stateDir: string,
    private readonly logger: Logger,
  ) {}

  /** Takes up the logs of containers that were there before: those running go on, the others are written to their end. */
  async resume(containers: LoggedContainer[]): Promise<void> {
    await mkdir(this.#checkpointDir(), { recursive: true });
    const known = new Set(containers.map((container) => container.id));
    for (const file of await readdir(this.#checkpointDir())) {
      if (!known.has(file)) await rm(join(this.#checkpointDir(), file), { force: true });
    }
    await Promise.all(
      containers.map(async ({ id, logPath, running }) => {
        try {
          await this.start(id, logPath);
          if (!running) await this.finish(id);
        } catch (error) {
          this.logger.error('Log could not be taken up again', { container: id, error });
        }
      }),
    );
  }

  /** Begins to write a container's log; nothing to do when that is so already. */
  async start(id: string, logPath: string): Promise<void> {
    if (logPath === '') return;
    let follower = this.#followers.get(id);
    if (!follower) {
      follower = this.#follow(id, logPath);
      this.#followers.set(id, follower);
      follower.catch(() => this.#followers.delete(id));
    }
    await follower;
  }

  /** Writes a container's log up to what Docker has by now. */
  async drain(id: string): Promise<void> {
    await (await this.#followers.get(id))?.drain();
  }

  /** Writes the log of a container that has ended to its end. */
  async finish(id: string): Promise<void> {
    const follower = await this.#followers.get(id);
    if (!follower) return;
    await follower.drain();
    this.#followers.delete(id);
    await follower.close();
  }

  /**
   * Writes the log of a container that has ended to its end, but does not wait for it longer than `timeoutMs`: a full
   * disk must not keep the container from being seen as ended, or removed. Never rejects.
   */
  async finishSoon(id: string, timeoutMs = 2_000): Promise<void> {
    if (!this.#followers.has(id)) return;
    const timer = new AbortController();
    const finished = this.finish(id).catch((error: unknown) => {
      this.logger.error('Log could not be ended', { container: id, error });
    });
    const waited = delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([finished, waited]);
    timer.abort();
  }

  /** Goes on in a new file; false when the container's log is not being written. */
  async reopen(id: string): Promise<boolean> {
    const follower = await this.#followers.get(id);
    if (!follower) return false;
    await follower.reopen();
    return true;
  }

  /** The container is gone. */
  async forget(id: string): Promise<void> {
    const follower = await this.#followers.get(id)?.catch(() => undefined);
    this.#followers.delete(id);
    await follower?.close();
    await rm(join(this.#checkpointDir(), id), { force: true });
  }

  async close(): Promise<void> {
    const followers = await Promise.allSettled(this.#followers.values());
    this.#followers.clear();
    await Promise.all(followers.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)));
  }

  async #follow(id: string, logPath: string): Promise<LogFollower> {
    const follower = new LogFollower({
      source: join(this.dockerRoot, 'containers', id, `${id}-json.log`),
      maxSourceFiles,
      target: logPath,
      checkpoint: join(this.#checkpointDir(), id),
      onError: (error) =>
        this.logger.error('Log could not be written, trying again', { container: id, logPath, error }),
      onGap: () => this.logger.warn('Docker rotated log lines away before they were read', { container: id }),
    });
    await follower.start();
    return follower;
  }

  #checkpointDir(): string {
    return join(this.stateDir, 'logs');
  }
}
