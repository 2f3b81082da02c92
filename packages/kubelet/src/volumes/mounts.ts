import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface MountEntry {
  mountPoint: string;
  root: string;
  fsType: string;
  source: string;
  /** Optional fields: propagation such as `shared:1`. */
  optional: string[];
}

const decodeOctal = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Parses /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function parseMountInfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const separator = fields.indexOf('-');
    if (separator < 0) continue;
    entries.push({
      root: decodeOctal(fields[3] ?? ''),
      mountPoint: decodeOctal(fields[4] ?? ''),
      optional: fields.slice(6, separator),
      fsType: fields[separator + 1] ?? '',
      source: decodeOctal(fields[separator + 2] ?? ''),
    });
  }
  return entries;
}

export async function listMounts(): Promise<MountEntry[]> {
  return parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** Mount points at or under a folder, deepest (latest) first: the order to unmount them in. */
export async function mountsUnder(dir: string): Promise<string[]> {
  const mounts = await listMounts();
  return mounts
    .map((entry) => entry.mountPoint)
    .filter((point) => point === dir || point.startsWith(`${dir}/`))
    .reverse();
}

export async function isMountPoint(dir: string): Promise<boolean> {
  return (await listMounts()).some((entry) => entry.mountPoint === dir);
}

export interface MountRequest {
  source: string;
  target: string;
  fsType?: string;
  options?: string[];
}

/** Longest time a mount may take: a network file system that does not answer must not block a pod worker for ever. */
const mountTimeoutMs = 120_000;

/** Mounts with mount(8), which knows the helpers of network file systems. Throws with its message. */
export async function mount(request: MountRequest): Promise<void> {
  const args: string[] = [];
  if (request.fsType) args.push('-t', request.fsType);
  if (request.options?.length) args.push('-o', request.options.join(','));
  args.push('--', request.source, request.target);
  try {
    await run('mount', args, { timeout: mountTimeoutMs });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`mount failed: ${(stderr || (error as Error).message).trim()}`, { cause: error });
  }
}

/** Unmounts everything at or under a folder. A busy mount is detached lazily. */
export async function unmountAll(dir: string): Promise<void> {
  for (const point of await mountsUnder(dir)) {
    try {
      await run('umount', ['--', point], { timeout: mountTimeoutMs });
    } catch {
      // Busy, or its server is gone: take it out of the tree now, the kernel frees it when the last user leaves.
      await run('umount', ['-l', '--', point], { timeout: mountTimeoutMs });
    }
  }
}
