import { readFile } from 'node:fs/promises';

/** nginx' workers that take connections: the children of its master, but for those that only finish what they have. */
export async function acceptingWorkers(master: number): Promise<string[]> {
  const children = (await read(`/proc/${master}/task/${master}/children`)).trim().split(' ');
  const titles = await Promise.all(children.map((pid) => read(`/proc/${pid}/cmdline`)));
  return children.filter((_, i) => /worker process(?! is shutting down)/.test(titles[i] ?? ''));
}

/** Empty for a process that has ended. */
async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
