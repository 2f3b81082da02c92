import type { IpCommand } from '../ip-command.js';

/** Where an address is looked for. */
export interface Watched {
  address: string;
  device: string;
}

interface NeighbourEntry {
  dst: string;
  lladdr?: string;
  state?: string[];
}

/** `unsure`: not asked yet, or has not answered for the last second or two. */
export type Presence = 'there' | 'unsure' | 'silent';

/**
 * Tells whether addresses on the link answer (ARP, neighbour discovery), by the kernel's own probing: an entry of the
 * neighbour table that is set to PROBE is asked for, and fails after three seconds without an answer. No packets of
 * our own, no port, and what is asked is what matters: whether somebody answers for the address on this link.
 */
export class NeighbourWatch {
  private watched: Watched[] = [];
  private readonly presence = new Map<string, Presence>();
  /** Asked for since the link was last seen up: only then a failed entry tells something. */
  private readonly asked = new Set<string>();

  constructor(private readonly ip: IpCommand) {}

  /** Watches these and no others. */
  watch(wanted: Watched[]): void {
    this.watched = wanted;
    for (const address of this.presence.keys()) {
      if (wanted.some((w) => w.address === address)) continue;
      this.presence.delete(address);
      this.asked.delete(address);
    }
  }

  get isIdle(): boolean {
    return this.watched.length === 0;
  }

  presenceOf(address: string): Presence {
    return this.presence.get(address) ?? 'unsure';
  }

  /** Looks what became of the last questions, and asks again. To be called every second. True: something changed. */
  async tick(): Promise<boolean> {
    const before = new Map(this.presence);
    const questions: string[] = [];
    for (const device of new Set(this.watched.map((w) => w.device))) {
      const watched = this.watched.filter((w) => w.device === device);
      const entries = await this.ip.json<NeighbourEntry>('neigh', 'show', 'dev', device);
      const entryOf = (w: Watched) => entries.find((e) => e.dst === w.address);
      // While all answer there is no need to look at the cable.
      const isWell = watched.every((w) => answers(entryOf(w)?.state?.[0]));
      const link = isWell ? undefined : await this.ip.link(device);
      const isUp = isWell || (link?.flags.includes('LOWER_UP') ?? false);
      for (const w of watched) {
        const entry = entryOf(w);
        const state = entry?.state?.[0] ?? 'NONE';
        this.presence.set(w.address, isUp ? this.judge(w.address, state) : 'unsure');
        const question = isUp ? ask(w, state, entry?.lladdr) : undefined;
        if (question) questions.push(question);
        if (!isUp) this.asked.delete(w.address);
        else this.asked.add(w.address);
      }
    }
    if (questions.length > 0) await this.ip.batch(questions);
    return [...this.presence].some(([address, now]) => now !== (before.get(address) ?? 'unsure'));
  }

  private judge(address: string, state: string): Presence {
    const before = this.presenceOf(address);
    if (answers(state)) return 'there';
    if (state === 'FAILED') return this.asked.has(address) ? 'silent' : 'unsure';
    // Being asked for: what was silent stays so until it answers.
    if (state === 'PROBE' || state === 'INCOMPLETE') return before === 'there' ? 'unsure' : before;
    return before;
  }
}

function answers(state: string | undefined): boolean {
  return state === 'REACHABLE' || state === 'PERMANENT' || state === 'NOARP';
}

function ask({ address, device }: Watched, state: string, mac: string | undefined): string | undefined {
  const isKnown = state === 'REACHABLE' || state === 'STALE' || state === 'DELAY';
  if (isKnown && mac) return `neigh replace ${address} lladdr ${mac} dev ${device} nud probe`;
  if (state === 'FAILED' || state === 'NONE') return `neigh replace ${address} dev ${device} use`;
  return undefined;
}
