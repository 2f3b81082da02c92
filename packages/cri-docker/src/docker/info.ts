import type Docker from 'dockerode';

/** What `docker info` tells about the daemon's configuration. */
export interface DaemonFacts {
  DockerRootDir: string;
  CgroupDriver: string;
  Runtimes?: Record<string, unknown>;
}

/** The daemon's configuration changes with a restart or reload only. */
const maxAgeMs = 60_000;

/**
 * Docker's facts about itself, from memory. Docker 20.10 holds a lock while it resolves a registry's name, and `info`
 * waits for it: with a dead name server that is tens of seconds, in which the runtime must not seem to be down.
 */
export class DaemonInfo {
  #known: { at: number; facts: DaemonFacts } | undefined;
  #asking: Promise<DaemonFacts> | undefined;

  constructor(private readonly docker: Docker) {}

  /** The last known facts; when they are old, new ones are asked for meanwhile. */
  async get(): Promise<DaemonFacts> {
    if (!this.#known) return this.fresh();
    if (Date.now() - this.#known.at > maxAgeMs) {
      // What went wrong is told by the calls that need Docker; the last facts stay.
      this.fresh().catch(() => undefined);
    }
    return this.#known.facts;
  }

  /** Asks the daemon, which may take long. */
  fresh(): Promise<DaemonFacts> {
    this.#asking ??= (this.docker.info() as Promise<DaemonFacts>)
      .then((facts) => {
        this.#known = { at: Date.now(), facts };
        return facts;
      })
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }
}
