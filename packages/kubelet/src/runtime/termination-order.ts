import { isSidecar, type Pod } from '../pod/types.js';

/**
 * Order of termination with sidecars (KEP-753): a sidecar stops only after all regular containers and all sidecars
 * started after it have stopped.
 */
export class TerminationOrder {
  private readonly done = new Map<string, { promise: Promise<void>; resolve: () => void }>();
  private readonly waits = new Map<string, string[]>();

  constructor(pod: Pod, running: string[]) {
    for (const name of running) {
      let resolve: () => void = () => undefined;
      const promise = new Promise<void>((r) => {
        resolve = r;
      });
      this.done.set(name, { promise, resolve });
    }
    const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map((container) => container.name);
    const regular = pod.spec.containers.map((container) => container.name);
    for (const [index, name] of sidecars.entries()) this.waits.set(name, [...regular, ...sidecars.slice(index + 1)]);
  }

  /** Resolves when those before this container have stopped, at the latest after the grace period. */
  async waitForTurn(name: string, graceMs: number): Promise<void> {
    const others = (this.waits.get(name) ?? []).flatMap((other) => this.done.get(other)?.promise ?? []);
    if (others.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([Promise.all(others), deadline]);
    clearTimeout(timer);
  }

  stopped(name: string): void {
    this.done.get(name)?.resolve();
  }
}
