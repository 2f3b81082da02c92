import { randomBytes } from 'node:crypto';
import type { Upstream } from './upstream.js';

/**
 * Finds out whether an upstream server sends its questions back to us (a host whose resolver is this very Service).
 * A probe for a random name is sent up at the start; if it comes in, forwarding would go round for ever.
 */
export class LoopGuard {
  private readonly name = `${randomBytes(8).toString('hex')}.${randomBytes(8).toString('hex')}`;
  private looping = false;

  constructor(private readonly onLoop: () => void) {}

  get isLooping(): boolean {
    return this.looping;
  }

  /** To be asked of each query that would be forwarded. */
  isOwnProbe(name: string): boolean {
    if (name !== this.name) return false;
    if (!this.looping) {
      this.looping = true;
      this.onLoop();
    }
    return true;
  }

  /** Sends the probe. What is answered does not matter, nor whether it is. */
  async probe(servers: Upstream[], timeoutMs: number): Promise<void> {
    const hinfo = 13;
    const labels = this.name.split('.').map((l) => Buffer.from(`${String.fromCharCode(l.length)}${l}`, 'latin1'));
    const header = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    const query = Buffer.concat([header, ...labels, Buffer.from([0, 0, hinfo, 0, 1])]);
    await Promise.allSettled(servers.map((s) => s.exchange(query, timeoutMs)));
  }
}
