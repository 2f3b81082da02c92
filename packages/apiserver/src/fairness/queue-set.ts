import { dealHand } from './shuffle-shard.js';

export interface QueuingLimits {
  queues: number;
  handSize: number;
  queueLengthLimit: number;
}

export type RejectReason = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

/** No seat for a request. */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
  constructor(readonly reason: RejectReason) {
    super(reason);
  }
}

/** Gives the seats back; called once. */
export type Release = () => void;

interface Waiting {
  flow: string;
  seats: number;
  arrivedMs: number;
  start(release: Release): void;
}

interface Queue {
  waiting: Waiting[];
  /** Virtual time at which the queue's next request may begin. */
  nextStart: number;
  executingSeats: number;
}

/** What the service of one request is taken for until it is over, in milliseconds. */
const estimatedServiceMs = 10;

/** A snapshot for the debug dumps. */
export interface QueueDump {
  index: number;
  waiting: { flow: string; arrivedMs: number; seats: number }[];
  executingSeats: number;
  virtualStart: number;
}

/**
 * The seats of one priority level and the queues before them. Requests of a flow go to the shortest of the queues it is
 * dealt; free seats go to the queue that had the least service (start-time fair queuing, KEP-1040).
 */
export class QueueSet {
  private queues: Queue[] = [];
  private virtualTime = 0;
  private limits: QueuingLimits | undefined;
  seatsInUse = 0;
  executing = 0;
  waitingCount = 0;
  /** The most seats wanted at once since the last look: what the level's limit is adjusted by. */
  private highWaterSeats = 0;

  constructor(
    private seatLimit: number,
    limits: QueuingLimits | undefined,
    private readonly now: () => number = Date.now,
  ) {
    this.configure(seatLimit, limits);
  }

  /** Requests that wait keep their queue; when there are fewer queues, those of the rest join the first ones. */
  configure(seatLimit: number, limits: QueuingLimits | undefined): void {
    this.limits = limits;
    const count = limits?.queues ?? 0;
    const old = this.queues;
    this.queues = old.slice(0, count);
    while (this.queues.length < count)
      this.queues.push({ waiting: [], nextStart: this.virtualTime, executingSeats: 0 });
    for (const [i, queue] of old.slice(count).entries()) {
      const target = this.queues[i % Math.max(1, count)];
      if (target) target.waiting.push(...queue.waiting);
      else for (const waiting of queue.waiting) this.startNow(waiting, undefined);
    }
    this.setSeatLimit(seatLimit);
  }

  setSeatLimit(seats: number): void {
    this.seatLimit = seats;
    this.dispatch();
  }

  get seats(): number {
    return this.seatLimit;
  }

  /**
   * Seats for a request, at once where there are some. @throws RejectedError when there is no room in the queues either
   */
  admit(
    hash: number,
    flow: string,
    seats: number,
    waitLimitMs: number,
    signal?: AbortSignal,
  ): Release | Promise<Release> {
    const width = Math.max(1, Math.min(seats, this.seatLimit));
    this.highWaterSeats = Math.max(this.highWaterSeats, this.wantedSeats() + width);
    if (!this.limits) {
      if (!this.fits(width)) throw new RejectedError('concurrency-limit');
      return this.occupy(width, undefined);
    }
    const queue = this.shortest(hash, this.limits);
    if (this.waitingCount === 0 && this.fits(width)) return this.occupy(width, queue);
    if (queue.waiting.length >= this.limits.queueLengthLimit) throw new RejectedError('queue-full');
    return this.enqueue(queue, flow, width, waitLimitMs, signal);
  }

  /** The most seats that were wanted since the last call. */
  takeHighWater(): number {
    const high = this.highWaterSeats;
    this.highWaterSeats = this.wantedSeats();
    return high;
  }

  dump(): QueueDump[] {
    return this.queues.map((queue, index) => ({
      index,
      waiting: queue.waiting.map(({ flow, arrivedMs, seats }) => ({ flow, arrivedMs, seats })),
      executingSeats: queue.executingSeats,
      virtualStart: queue.nextStart,
    }));
  }

  private wantedSeats(): number {
    let seats = this.seatsInUse;
    if (this.waitingCount > 0) for (const q of this.queues) for (const w of q.waiting) seats += w.seats;
    return seats;
  }

  private fits(seats: number): boolean {
    // A request wider than a limit that has shrunk runs alone rather than never.
    return this.seatsInUse + seats <= this.seatLimit || this.seatsInUse === 0;
  }

  private shortest(hash: number, limits: QueuingLimits): Queue {
    let best: Queue | undefined;
    for (const card of dealHand(hash, limits.queues, limits.handSize)) {
      const queue = this.queues[card];
      if (queue && (!best || load(queue) < load(best))) best = queue;
    }
    return best ?? (this.queues[0] as Queue);
  }

  private enqueue(
    queue: Queue,
    flow: string,
    seats: number,
    waitLimitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Release> {
    return new Promise((resolve, reject) => {
      const leave = (reason: RejectReason) => {
        const at = queue.waiting.indexOf(waiting);
        const where = at >= 0 ? queue : this.queues.find((q) => q.waiting.includes(waiting));
        if (!where) return;
        where.waiting.splice(where.waiting.indexOf(waiting), 1);
        this.waitingCount--;
        finish();
        reject(new RejectedError(reason));
      };
      const onAbort = () => leave('cancelled');
      const timer = setTimeout(() => leave('time-out'), waitLimitMs);
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        flow,
        seats,
        arrivedMs: this.now(),
        start: (release) => {
          finish();
          resolve(release);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      if (queue.waiting.length === 0 && queue.executingSeats === 0) {
        // An idle queue earns no credit for the time it was idle.
        queue.nextStart = Math.max(queue.nextStart, this.virtualTime);
      }
      queue.waiting.push(waiting);
      this.waitingCount++;
    });
  }

  private dispatch(): void {
    while (this.waitingCount > 0) {
      let next: Queue | undefined;
      for (const queue of this.queues) {
        if (queue.waiting.length > 0 && (!next || queue.nextStart < next.nextStart)) next = queue;
      }
      const waiting = next?.waiting[0];
      if (!next || !waiting || !this.fits(waiting.seats)) return;
      next.waiting.shift();
      this.waitingCount--;
      this.virtualTime = Math.max(this.virtualTime, next.nextStart);
      this.startNow(waiting, next);
    }
  }

  private startNow(waiting: Waiting, queue: Queue | undefined): void {
    waiting.start(this.occupy(waiting.seats, queue));
  }

  private occupy(seats: number, queue: Queue | undefined): Release {
    this.seatsInUse += seats;
    this.executing++;
    const began = this.now();
    if (queue) {
      if (queue.waiting.length === 0 && queue.executingSeats === 0) {
        queue.nextStart = Math.max(queue.nextStart, this.virtualTime);
      }
      queue.executingSeats += seats;
      queue.nextStart += seats * estimatedServiceMs;
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.seatsInUse -= seats;
      this.executing--;
      if (queue) {
        queue.executingSeats -= seats;
        queue.nextStart += seats * (this.now() - began - estimatedServiceMs);
      }
      if (this.waitingCount > 0) this.dispatch();
    };
  }
}

const load = (queue: Queue) => queue.waiting.length * 1000 + queue.executingSeats;
