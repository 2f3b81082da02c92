import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@kubelab/component-base';
import type Docker from 'dockerode';
import { isOwnedBy, labelKeys } from '../labels.js';

export type ContainerAction = 'create' | 'start' | 'kill' | 'die' | 'destroy' | 'oom';

/** One change of a container or sandbox of ours. */
export interface ContainerEvent {
  id: string;
  action: ContainerAction;
  /** Nanoseconds since the epoch. */
  timeNano: string;
  /** Docker's labels of the container. */
  labels: Record<string, string>;
  /** Number of the signal of a `kill`. */
  signal?: string;
}

/** More than a busy node has in the second that is asked for again. */
const recentLimit = 2048;

type Listener = (event: ContainerEvent) => void;

/**
 * One subscription to Docker's events, shared by all that need them. When the stream breaks it is opened again from
 * the time of the last event, which Docker keeps for a while, so a restart of the shim's connection loses nothing.
 */
export class DockerEvents {
  readonly #listeners = new Set<Listener>();
  readonly #reconnected = new Set<() => void>();
  #lastSeconds = 0;
  /** Events of late, to know again those that come twice after a reconnect. */
  readonly #recent = new Set<string>();
  #signal: AbortSignal | undefined;

  constructor(
    private readonly docker: Docker,
    private readonly stateDir: string,
    private readonly logger: Logger,
  ) {}

  /** Calls back on every event until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called when the stream is up again after a break: containers may have changed while Docker was down. */
  onReconnect(listener: () => void): void {
    this.#reconnected.add(listener);
  }

  /** Follows events until the signal. Resolves once the first stream is open, or could not be. */
  async start(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const first = await this.#open();
    void this.#run(first);
  }

  async #run(stream: NodeJS.ReadableStream | undefined): Promise<void> {
    let current = stream;
    while (!this.#signal?.aborted) {
      if (current) {
        await this.#read(current);
        if (!this.#signal?.aborted) this.logger.warn('Docker event stream ended, connecting again');
      }
      await delay(200, undefined, { signal: this.#signal }).catch(() => undefined);
      if (this.#signal?.aborted) return;
      current = await this.#open();
      if (current) for (const listener of this.#reconnected) listener();
    }
  }

  async #open(): Promise<NodeJS.ReadableStream | undefined> {
    try {
      const filters = {
        type: ['container' as const],
        event: ['create', 'start', 'kill', 'die', 'destroy', 'oom'],
        label: [labelKeys.type],
      };
      // Events are not quite in the order of their times, so the last second is asked for once more.
      const since = this.#lastSeconds === 0 ? {} : { since: this.#lastSeconds - 1 };
      return await this.docker.getEvents({ filters, ...since });
    } catch (error) {
      this.logger.debug('Docker event stream could not be opened', { error });
      return undefined;
    }
  }

  #read(stream: NodeJS.ReadableStream): Promise<void> {
    return new Promise((resolve) => {
      const decoder = new StringDecoder('utf8');
      let pending = '';
      const stop = () => {
        if ('destroy' in stream) (stream as NodeJS.ReadableStream & { destroy(): void }).destroy();
      };
      this.#signal?.addEventListener('abort', stop, { once: true });
      stream.on('data', (chunk: Buffer) => {
        pending += decoder.write(chunk);
        const lines = pending.split('\n');
        pending = lines.pop() ?? '';
        for (const line of lines) if (line !== '') this.#dispatch(line);
      });
      stream.on('error', (error) => this.logger.debug('Docker event stream failed', { error }));
      stream.on('close', () => {
        this.#signal?.removeEventListener('abort', stop);
        resolve();
      });
      stream.on('end', () => resolve());
    });
  }

  #dispatch(line: string): void {
    // timeNano is beyond what a double holds, so it is read from the text.
    const nano = /"timeNano":(\d+)/.exec(line)?.[1] ?? '0';
    const message = JSON.parse(line) as {
      Action: ContainerAction;
      Actor: { ID: string; Attributes: Record<string, string> };
    };
    const key = `${message.Actor.ID} ${message.Action} ${nano}`;
    if (this.#recent.has(key)) return;
    this.#recent.add(key);
    if (this.#recent.size > recentLimit) this.#recent.delete(this.#recent.values().next().value ?? '');
    this.#lastSeconds = Math.max(this.#lastSeconds, Math.floor(Number(nano) / 1e9));
    const { ID: id, Attributes: labels } = message.Actor;
    if (!isOwnedBy(labels, this.stateDir)) return;
    const signal = message.Action === 'kill' ? { signal: labels.signal ?? '' } : {};
    const event = { id, action: message.Action, timeNano: nano, labels, ...signal };
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.logger.error('Event listener failed', { error });
      }
    }
  }
}
