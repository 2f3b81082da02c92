import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** How long processes may take to stop, in milliseconds: one that waits for a disk, or for a child of vfork, cannot. */
const stopPatience = 5_000;
/** How long they may take to end, in milliseconds. */
const endPatience = 30_000;

/**
 * SIGKILL to a process of the host and all its descendants. Each is stopped before its children are looked for: a
 * process that is killed in the middle of a fork would leave a child that nobody knows. Resolves when all have ended;
 * what hangs in the kernel for longer than half a minute ends when the kernel lets it.
 */
export async function killTree(pid: number): Promise<void> {
  const all = new Set<number>();
  let found = [pid];
  while (found.length > 0) {
    for (const one of found) {
      all.add(one);
      send(one, 'SIGSTOP');
    }
    // T: stopped, t: stopped by a debugger.
    await waitFor(found, 'TtZX', stopPatience);
    found = (await childrenOf(all)).filter((child) => !all.has(child));
  }
  for (const one of all) send(one, 'SIGKILL');
  await waitFor([...all], 'ZX', endPatience);
}

/** A process that is gone already needs no signal. */
function send(pid: number, signal: 'SIGSTOP' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits, up to `patience` milliseconds, until all threads of all processes are in one of the states (proc(5)), or gone. */
async function waitFor(pids: readonly number[], states: string, patience: number): Promise<void> {
  const end = performance.now() + patience;
  for (const pid of pids) {
    while (!(await threadStates(pid)).every((state) => states.includes(state)) && performance.now() < end) {
      await delay(1);
    }
  }
}

/** The states of a process' threads: each of them can fork. Empty if the process is gone. */
async function threadStates(pid: number): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(gone);
  const stats = await Promise.all((threads ?? []).map((thread) => statOf(`${pid}/task/${thread}`)));
  return stats.flatMap((stat) => (stat ? [stat.state] : []));
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

async function statOf(path: string): Promise<{ state: string; parent: number } | undefined> {
  const stat = await readFile(`/proc/${path}/stat`, 'utf8').catch(gone);
  if (stat === undefined) return undefined;
  // The name in brackets may hold anything; state and parent are the first fields behind it.
  const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state, parent: Number(parent) };
}

/** A process may end between being listed and being read. */
function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
  throw error;
}
