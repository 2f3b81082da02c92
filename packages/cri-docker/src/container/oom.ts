import type { ContainerInspectInfo } from 'dockerode';
import type { DockerEvents } from '../docker/events.js';
import type { OomKills } from './oom-kills.js';
import type { OomMarks } from './oom-marks.js';

/** How long after its end a container may still turn out to have run out of memory. Some ms; far more under load. */
const settleMs = 2_000;

const killed = 137;

/**
 * Docker hears of a container's end and of its running out of memory on two ways, in either order, so that what has
 * just ended may be inspected with `OOMKilled: false` first. The status of a container that was killed, and by nobody
 * that asked Docker to, waits for the word. With cgroup v2 Docker may not hear of it at all; there the kernel is asked.
 */
export class OomWatch {
  readonly #outOfMemory = new Set<string>();
  readonly #killedByRequest = new Set<string>();
  readonly #waiting = new Map<string, Set<() => void>>();

  /** @param kills with cgroup v2 */
  constructor(
    events: Pick<DockerEvents, 'subscribe'>,
    private readonly marks: OomMarks,
    private readonly kills?: OomKills,
  ) {
    events.subscribe(({ id, action, signal }) => {
      if (action === 'oom') {
        this.#outOfMemory.add(id);
        for (const wake of this.#waiting.get(id) ?? []) wake();
      } else if (action === 'kill' && signal === '9') {
        this.#killedByRequest.add(id);
      } else if (action === 'destroy') {
        this.#outOfMemory.delete(id);
        this.#killedByRequest.delete(id);
        this.marks.remove(id);
        this.kills?.forget(id);
      }
    });
  }

  /** A container is about to start, or runs already. @param parent its parent cgroup */
  watch(id: string, parent: string | undefined): void {
    this.kills?.watch(id, parent);
  }

  /** Takes up the containers there are: what is known of others is forgotten. */
  keepOnly(ids: string[]): void {
    this.marks.keepOnly(new Set(ids));
  }

  /** Whether an inspected container that has ended ran out of memory. */
  async ranOut({ Id: id, State, HostConfig }: ContainerInspectInfo, now = Date.now()): Promise<boolean> {
    if (State.OOMKilled || this.#outOfMemory.has(id)) return true;
    if (State.ExitCode !== killed) return false;
    if (this.marks.has(id)) return true;
    if (this.#killedByRequest.has(id)) return false;
    if (this.kills?.grew(id)) {
      this.marks.add(id);
      return true;
    }
    const unclear = (HostConfig.Memory ?? 0) > 0;
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
