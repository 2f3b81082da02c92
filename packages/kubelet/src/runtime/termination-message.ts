import { open } from 'node:fs/promises';
import { tailLines } from '../logs/tail.js';
import { terminationHostPathAnnotation, terminationPolicyAnnotation } from './labels.js';
import type { RuntimeContainer } from './types.js';

/** A message takes 4096 bytes at most, one from the log 2048 bytes or 80 lines. */
const maxBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;

/** What an exited container left in its termination log, or in its log when it failed and its policy says so. */
export async function terminationMessage(container: RuntimeContainer): Promise<string> {
  const path = container.annotations[terminationHostPathAnnotation];
  const text = path ? await readHead(path, maxBytes) : '';
  if (text !== '' || container.exitCode === 0) return text;
  if (container.annotations[terminationPolicyAnnotation] !== 'FallbackToLogsOnError') return '';
  const lines = await tailLines(container.logPath, maxLogLines);
  const log = lines.map((line) => line.content.toString()).join('');
  return log.length > maxLogBytes ? log.slice(-maxLogBytes) : log;
}

async function readHead(path: string, bytes: number): Promise<string> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(buffer, 0, bytes, 0);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await handle.close();
  }
}
