import type { V1Container } from '@kubelab/api';
import type { AuthConfig, CriClient, ImageOutput } from '@kubelab/cri';
import type { Events } from '../events.js';
import { formatPod, type Pod } from '../pod/types.js';
import { Backoff } from '../runtime/backoff.js';
import { StartError } from '../runtime/start-error.js';
import { Turns } from '../turns.js';
import { pullPolicy, withDefaultTag } from './reference.js';

const initialBackoffMs = 10_000;
const maxBackoffMs = 300_000;

export interface PullerOptions {
  cri: CriClient;
  events: Events;
  credentials(image: string, pod: Pod): Promise<AuthConfig[]>;
  /** Pulls at once; 0 is no limit. */
  maxParallel: number;
  now?: () => number;
}

export interface PresentImage {
  /** What the runtime is to start: its id or digest. */
  ref: string;
  uid: number | undefined;
  username: string;
}

/** Makes sure that images are on the node, by pull policy, with back-off and events. Pulls of one image are shared. */
export class ImagePuller {
  private readonly backoff: Backoff;
  private readonly pulls = new Map<string, Promise<string>>();
  private readonly failures = new Map<string, { message: string; at: number }>();
  private readonly turns: Turns;

  constructor(private readonly options: PullerOptions) {
    this.backoff = new Backoff(initialBackoffMs, maxBackoffMs, options.now);
    this.turns = new Turns(options.maxParallel);
  }

  /**
   * @throws StartError ErrImagePull, ImagePullBackOff, ErrImageNeverPull, InvalidImageName or ImageInspectError, with
   * the time to try again
   */
  async ensure(pod: Pod, container: V1Container, signal: AbortSignal): Promise<PresentImage> {
    const wanted = container.image ?? '';
    const { events } = this.options;
    let image: string;
    try {
      image = withDefaultTag(wanted);
    } catch (error) {
      const text = `Failed to apply default image tag "${wanted}": ${(error as Error).message}`;
      events.container(pod, container, 'Warning', 'InspectFailed', text);
      throw new StartError('InvalidImageName', text);
    }
    const policy = pullPolicy(container.imagePullPolicy, image);
    const present = await this.inspect(pod, container, image);
    if (present && policy !== 'Always') {
      const text = `Container image "${wanted}" already present on machine`;
      events.container(pod, container, 'Normal', 'Pulled', text);
      return toPresent(present);
    }
    if (!present && policy === 'Never') {
      const text = `Container image "${wanted}" is not present with pull policy of Never`;
      events.container(pod, container, 'Warning', 'ErrImageNeverPull', text);
      throw new StartError('ErrImageNeverPull', text);
    }
    await this.pull(pod, container, wanted, image, signal);
    const pulled = await this.inspect(pod, container, image);
    if (!pulled) throw new StartError('ErrImagePull', `image "${wanted}" was pulled but is not there`);
    return toPresent(pulled);
  }

  private async inspect(pod: Pod, container: V1Container, image: string): Promise<ImageOutput | undefined> {
    try {
      const { image: found } = await this.options.cri.imageStatus({ image: { image } });
      return found?.id ? found : undefined;
    } catch (error) {
      const text = `Failed to inspect image "${container.image}": ${(error as Error).message}`;
      this.options.events.container(pod, container, 'Warning', 'InspectFailed', text);
      throw new StartError('ImageInspectError', text);
    }
  }

  private async pull(pod: Pod, container: V1Container, wanted: string, image: string, signal: AbortSignal) {
    const { events } = this.options;
    const key = `${pod.metadata.uid}_${image}`;
    const failure = this.failures.get(key);
    const waitMs = failure ? this.backoff.remaining(key, failure.at) : 0;
    if (failure && waitMs > 0) {
      const text = `Back-off pulling image "${wanted}"`;
      events.container(pod, container, 'Normal', 'BackOff', text);
      throw new StartError('ImagePullBackOff', `${text}: ErrImagePull: ${failure.message}`, waitMs);
    }
    events.container(pod, container, 'Normal', 'Pulling', `Pulling image "${wanted}"`);
    const begun = Date.now();
    try {
      const waited = await this.sharedPull(pod, image, signal);
      const seconds = (ms: number) => formatSeconds(ms);
      const size = await this.sizeOf(image);
      const took = Date.now() - begun;
      const text = `Successfully pulled image "${wanted}" in ${seconds(took - waited)} (${seconds(took)} including waiting). Image size: ${size} bytes.`;
      events.container(pod, container, 'Normal', 'Pulled', text);
      this.failures.delete(key);
      this.backoff.reset(key);
    } catch (error) {
      if (signal.aborted) throw error;
      const message = (error as Error).message;
      events.container(pod, container, 'Warning', 'Failed', `Failed to pull image "${wanted}": ${message}`);
      const at = Date.now();
      this.backoff.next(key, at);
      this.failures.set(key, { message, at });
      throw new StartError('ErrImagePull', message, this.backoff.get(key), formatPod(pod));
    }
  }

  /** Pulls with each credential until one works; resolves with how long it waited for its turn, in milliseconds. */
  private async sharedPull(pod: Pod, image: string, signal: AbortSignal): Promise<number> {
    const credentials = await this.options.credentials(image, pod);
    const key = `${image} ${JSON.stringify(credentials)}`;
    const running = this.pulls.get(key);
    const started = Date.now();
    let waited = 0;
    const pull =
      running ??
      this.turns.run(async () => {
        waited = Date.now() - started;
        return this.pullWith(image, credentials, pod);
      });
    if (!running) {
      this.pulls.set(key, pull);
      const forget = () => this.pulls.delete(key);
      pull.then(forget, forget);
    }
    await abortable(pull, signal);
    return waited;
  }

  private async pullWith(image: string, credentials: AuthConfig[], pod: Pod): Promise<string> {
    const attempts = credentials.length > 0 ? credentials : [undefined];
    let last: unknown;
    for (const auth of attempts) {
      try {
        const { image_ref: ref } = await this.options.cri.pullImage({
          image: { image },
          auth: auth ?? null,
          sandbox_config: {
            metadata: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
          },
        });
        return ref;
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  private async sizeOf(image: string): Promise<number> {
    const { image: found } = await this.options.cri.imageStatus({ image: { image } });
    return Number(found?.size ?? 0);
  }

  /** Forgets what belongs to a pod that is gone. */
  forget(uid: string): void {
    this.backoff.reset(`${uid}_`);
    for (const key of this.failures.keys()) if (key.startsWith(`${uid}_`)) this.failures.delete(key);
  }
}

function toPresent(image: ImageOutput): PresentImage {
  return { ref: image.id, uid: image.uid ? Number(image.uid.value) : undefined, username: image.username };
}

function formatSeconds(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${Number((ms / 1000).toFixed(3))}s`;
}

/** The promise's outcome, or a rejection as soon as the signal aborts; the work itself goes on. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
