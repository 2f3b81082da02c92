import { readdirSync, readFileSync } from 'node:fs';

/** Processes by their parents, of /proc. */
function childrenOf(parent) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => ({ pid: Number(entry), stat: read(`/proc/${entry}/stat`) }))
    .filter(({ stat }) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent)
    .map(({ pid }) => pid);
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // ended in the meantime
  }
}

/** The child of a process whose arguments name a file. */
export function childWith(parent, file) {
  return childrenOf(parent).find((pid) => read(`/proc/${pid}/cmdline`).split('\0').includes(file));
}

/** SIGKILL to a process and all that it started, as far as that still belongs to it. */
export function killTree(pid) {
  const children = childrenOf(pid);
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') {
      throw error;
    }
  }
  for (const child of children) {
    killTree(child);
  }
}
