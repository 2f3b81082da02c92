import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a process may take to stop, in steps of a millisecond: one that waits for a disk cannot until it is done. */
const stopChecks = 500;

/**
 * SIGKILL to a process of the host and all its descendants. Each is stopped before its children are looked for: a
 * process that is killed in the middle of a fork would leave a child that nobody knows.
 */
export async function killTree(pid: number): Promise<void> {
  const all = new Set<number>();
  let found = [pid];
  while (found.length > 0) {
    for (const one of found) {
      all.add(one);
      send(one, 'SIGSTOP');
    }
    await Promise.all(found.map(waitStopped));
    found = (await childrenOf(all)).filter((child) => !all.has(child));
  }
  for (const one of all) send(one, 'SIGKILL');
}

/** A process that is gone already needs no signal. */
function send(pid: number, signal: 'SIGSTOP' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function waitStopped(pid: number): Promise<void> {
  for (let check = 0; check < stopChecks; check++) {
    const stat = await statOf(String(pid));
    // T: stopped, t: stopped by a debugger, Z and X: ended.
    if (!stat || 'TtZX'.includes(stat.state)) return;
    await delay(1);
  }
}

async function childrenOf(parents: ReadonlySet<number>): Promise<number[]> {
  const children: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await statOf(entry);
    if (stat && parents.has(stat.parent)) children.push(Number(entry));
  }
  return children;
}

async function statOf(pid: string): Promise<{ state: string; parent: number } | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything; state and parent are the first fields behind it.
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    // It ended between being listed and being read.
    return undefined;
  }
}
