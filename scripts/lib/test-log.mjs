// Follows the events that test-events.mjs writes: what runs, what has failed and what it had printed.
import { closeSync, openSync, readSync } from 'node:fs';
import { relative } from 'node:path';

/** So many lines of what a file printed are told when a test of it failed. */
const keptLines = 60;

export class TestLog {
  /** By file: when it began, its tests under way, and the last lines that it printed. */
  files = new Map();
  failures = [];
  counts = { pass: 0, fail: 0, cancelled: 0 };
  #offset = 0;
  #rest = '';

  /** @param path the file with the events @param root what names of files are told relative to */
  constructor(path, root) {
    this.path = path;
    this.root = root;
  }

  /** Takes up what was written since the last time. */
  read() {
    const file = openSync(this.path, 'r');
    const chunk = Buffer.alloc(1 << 20);
    let text = this.#rest;
    for (let size = 1; size > 0; ) {
      size = readSync(file, chunk, 0, chunk.length, this.#offset);
      this.#offset += size;
      text += chunk.toString('latin1', 0, size);
    }
    closeSync(file);
    const lines = text.split('\n');
    this.#rest = lines.pop() ?? '';
    // Cut between bytes, read as a whole.
    for (const line of lines) {
      this.#take(JSON.parse(Buffer.from(line, 'latin1').toString('utf8')));
    }
  }

  /** Files that run for longer than this. */
  overdue(limitMs) {
    return [...this.files].filter(([, f]) => f.endedAt === undefined && Date.now() - f.beganAt > limitMs);
  }

  /** What is under way in a file, in words. */
  running(file) {
    const tests = this.files.get(file)?.running ?? [];
    const names = tests.map(({ name }) => `"${name}"`).join(' > ');
    return `${relative(this.root, file)}, in ${names || 'no test: a hook, or something that keeps the process alive'}`;
  }

  /** For each file with a failure, the end of what it printed. */
  printed() {
    const files = new Set(this.failures.map(({ file }) => file));
    return [...files].flatMap((file) => {
      const lines = this.files.get(file)?.lines ?? [];
      return lines.length === 0 ? [] : [`--- the end of what ${relative(this.root, file)} printed`, ...lines];
    });
  }

  #take({ type, name, nesting, file, line, message, failureType, error }) {
    const count = type === 'test:diagnostic' && nesting === 0 && /^(pass|fail|cancelled) (\d+)$/.exec(message);
    if (count) {
      this.counts[count[1]] = Number(count[2]);
    }
    if (file === undefined) {
      return;
    }
    const isFile = name === file;
    if (isFile && type === 'test:dequeue') {
      this.files.set(file, { beganAt: Date.now(), running: [], lines: [] });
    }
    const known = this.files.get(file);
    if (!known) {
      return;
    }
    if (isFile && type === 'test:complete') {
      known.endedAt = Date.now();
    } else if (type === 'test:stdout' || type === 'test:stderr') {
      known.lines = [...known.lines, ...message.trimEnd().split('\n')].slice(-keptLines);
    } else if (type === 'test:dequeue' && !isFile) {
      known.running.push({ name, nesting });
    } else if (type === 'test:complete') {
      known.running = known.running.filter((test) => test.name !== name || test.nesting !== nesting);
    }
    // A suite or file that failed for its tests says nothing that they do not.
    if (type === 'test:fail' && failureType !== 'subtestsFailed') {
      const reason = (error ?? '').split('\n').slice(0, 40).join('\n    ');
      const where = isFile ? '' : ` (${relative(this.root, file)}:${line ?? '?'})`;
      this.failures.push({ file, text: `${isFile ? relative(this.root, file) : name}${where}\n    ${reason}` });
    }
  }
}
