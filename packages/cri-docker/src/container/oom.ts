import type { ContainerInspectInfo } from 'dockerode';
import type { DockerEvents } from '../docker/events.js';

/** How long after its end a container may still turn out to have run out of memory. Some ms; far more under load. */
const settleMs = 500;

const killed = 137;

/**
 * Docker hears of a container's end and of its running out of memory on two ways, in either order, so that what has
 * just ended may be inspected with `OOMKilled: false` first. The status of a container that was killed, and by nobody
 * that asked Docker to, waits for the word.
 */
export class OomWatch {
  readonly #outOfMemory = new Set<string>();
  readonly #killedByRequest = new Set<string>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(events: Pick<DockerEvents, 'subscribe'>) {
    events.subscribe(({ id, action, signal }) => {
      if (action === 'oom') {
        this.#outOfMemory.add(id);
        for (const wake of this.#waiting.get(id) ?? []) wake();
      } else if (action === 'kill' && signal === '9') {
        this.#killedByRequest.add(id);
      } else if (action === 'destroy') {
        this.#outOfMemory.delete(id);
        this.#killedByRequest.delete(id);
      }
    });
  }

  /** Whether an inspected container that has ended ran out of memory. */
  async ranOut({ Id: id, State, HostConfig }: ContainerInspectInfo, now = Date.now()): Promise<boolean> {
    if (State.OOMKilled || this.#outOfMemory.has(id)) return true;
    const unclear = State.ExitCode === killed && (HostConfig.Memory ?? 0) > 0 && !this.#killedByRequest.has(id);
    const left = Date.parse(State.FinishedAt) + settleMs - now;
    if (!unclear || !(left > 0)) return false;
    await this.#heard(id, Math.min(left, settleMs));
    return this.#outOfMemory.has(id);
  }

  #heard(id: string, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      waiting.add(wake);
    });
  }
}
