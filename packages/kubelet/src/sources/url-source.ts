import type { Logger } from '@kubelab/component-base';
import { sleep } from '../lifecycle/hooks.js';
import type { OnPods } from './file-source.js';
import { parseManifest } from './static-pod.js';

export interface UrlSourceOptions {
  url: string;
  /** Headers of the request; --manifest-url-header. */
  headers: Record<string, string>;
  nodeName: string;
  /** --http-check-frequency. */
  checkMs: number;
  logger: Logger;
}

const requestTimeoutMs = 10_000;

/** Static pods from a URL, asked for again and again; while it does not answer the last pods stay. */
export async function followUrl(options: UrlSourceOptions, onPods: OnPods, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  while (!signal.aborted) {
    try {
      const response = await fetch(options.url, {
        headers: options.headers,
        signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
      });
      if (!response.ok) throw new Error(`${options.url}: ${response.status} ${response.statusText}`);
      const text = await response.text();
      if (text !== last) {
        onPods(parseManifest(text, 'http', options.url, options.nodeName));
        last = text;
      }
    } catch (error) {
      if (!signal.aborted) options.logger.error('Failed to read pods from URL', { url: options.url, error });
    }
    await sleep(options.checkMs, signal);
  }
}
