/** A line of a container log in CRI format: `TIMESTAMP STREAM TAG CONTENT`. */
export interface LogLine {
  /** RFC 3339 with nanoseconds, as written by the runtime. */
  timestamp: string;
  stream: 'stdout' | 'stderr';
  /** The line goes on in the next entry (tag P). */
  partial: boolean;
  /** With its line feed, unless partial. */
  content: Buffer;
}

const space = 0x20;

/** Parses one line without its line feed; undefined when it is not in CRI format. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(space);
  const second = first < 0 ? -1 : line.indexOf(space, first + 1);
  if (second < 0) return undefined;
  let third = line.indexOf(space, second + 1);
  if (third < 0) third = line.length;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tags = line.toString('latin1', second + 1, third).split(':');
  const partial = tags[0] === 'P';
  const content = line.subarray(Math.min(third + 1, line.length));
  return {
    timestamp: line.toString('latin1', 0, first),
    stream,
    partial,
    content: partial ? content : Buffer.concat([content, newline]),
  };
}

const newline = Buffer.from('\n');
