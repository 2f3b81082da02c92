import { type FileHandle, open } from 'node:fs/promises';
import { type LogLine, parseLogLine } from './line.js';

const blockBytes = 64 * 1024;
const lineFeed = 0x0a;

/**
 * Offset at which the last `lines` lines of a file begin, read backwards in blocks: the cost depends on the lines asked
 * for and not on the size of the file.
 */
export async function tailOffset(file: FileHandle, size: number, lines: number): Promise<number> {
  if (lines <= 0) return size;
  const block = Buffer.alloc(blockBytes);
  let seen = 0;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    for (let i = bytesRead - 1; i >= 0; i--) {
      if (block[i] !== lineFeed) continue;
      // The line feed that ends the file closes the last line, it does not open another.
      if (start + i === size - 1) continue;
      if (++seen === lines) return start + i + 1;
    }
    end = start;
  }
  return 0;
}

/** The last lines of a container log, parsed; empty when there is no such file. */
export async function tailLines(path: string, lines: number): Promise<LogLine[]> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const { size } = await file.stat();
    const offset = await tailOffset(file, size, lines);
    const buffer = Buffer.alloc(size - offset);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    return splitLines(buffer.subarray(0, bytesRead)).flatMap((line) => parseLogLine(line) ?? []);
  } finally {
    await file.close();
  }
}

function splitLines(buffer: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = buffer.indexOf(lineFeed); end >= 0; end = buffer.indexOf(lineFeed, start)) {
    lines.push(buffer.subarray(start, end));
    start = end + 1;
  }
  return lines;
}
