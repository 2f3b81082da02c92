import { randomBytes } from 'node:crypto';
import type { Upstream } from './upstream.js';

/** Of several replicas behind one Service another may get a probe; of so many, one comes to us. */
const probeCount = 4;
const hinfo = 13;

/**
 * Finds out whether upstream servers send their questions back to us (a host whose resolver is this very Service).
 * Probes for random names are sent up; if one comes in, forwarding would go round for ever.
 */
export class LoopGuard {
  private readonly names = new Set(Array.from({ length: probeCount }, () => `${random()}.${random()}`));
  private wasSeen = false;
  private looping = false;

  get isLooping(): boolean {
    return this.looping;
  }

  /** To be asked of each query that would be forwarded. */
  isOwnProbe(name: string): boolean {
    if (!this.names.has(name)) return false;
    this.wasSeen = true;
    this.looping = true;
    return true;
  }

  /** Sends the probes; resolves with whether there is a loop. What the servers answer does not matter. */
  async probe(servers: Upstream[], timeoutMs: number): Promise<boolean> {
    this.wasSeen = false;
    const probes = [...this.names].flatMap((name) => servers.map((s) => s.exchange(probe(name), timeoutMs)));
    await Promise.allSettled(probes);
    this.looping = this.wasSeen;
    return this.looping;
  }
}

function probe(name: string): Buffer {
  const labels = name.split('.').map((l) => Buffer.from(`${String.fromCharCode(l.length)}${l}`, 'latin1'));
  const header = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, hinfo, 0, 1])]);
}

function random(): string {
  return randomBytes(8).toString('hex');
}
