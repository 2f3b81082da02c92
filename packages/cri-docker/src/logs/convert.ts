import { padFraction } from '../time.js';

interface DockerLogLine {
  log?: string;
  stream?: string;
  time?: string;
}

/**
 * A line of Docker's json-file log as a line of a CRI log: `TIME STREAM TAG CONTENT`. Docker cuts lines of more than
 * 16 KiB; the parts have no line break at their end and are tagged P, a line's last part F.
 * Undefined for a line that is not JSON, such as one cut short by a crash of Docker.
 */
export function toCriLine(line: string): string | undefined {
  const entry = parse(line);
  if (entry?.log === undefined || !entry.time) return undefined;
  const full = entry.log.endsWith('\n');
  const content = full ? entry.log.slice(0, -1) : entry.log;
  return `${padFraction(entry.time)} ${entry.stream ?? 'stdout'} ${full ? 'F' : 'P'} ${content}\n`;
}

function parse(line: string): DockerLogLine | undefined {
  try {
    return JSON.parse(line) as DockerLogLine;
  } catch {
    // Said by the return value.
    return undefined;
  }
}
