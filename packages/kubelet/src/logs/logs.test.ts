import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { parseLogLine } from './line.js';
import { type LogOptions, parseLogOptions } from './options.js';
import { copyLog } from './reader.js';
import { tailOffset } from './tail.js';

const time = '2024-01-02T03:04:05.000000001Z';
const entry = (text: string, stream = 'stdout', tag = 'F') => `${time} ${stream} ${tag} ${text}\n`;

describe('parseLogLine', () => {
  const cases: [string, string | undefined, boolean | undefined][] = [
    [`${time} stdout F hello world`, 'hello world\n', false],
    [`${time} stderr P half`, 'half', true],
    [`${time} stdout F `, '\n', false],
    [`${time} stdout F:x tagged`, 'tagged\n', false],
    [`${time} stdin F x`, undefined, undefined],
    ['garbage', undefined, undefined],
  ];
  for (const [line, content, partial] of cases) {
    it(line.slice(31), () => {
      const parsed = parseLogLine(Buffer.from(line));
      assert.equal(parsed?.content.toString(), content);
      assert.equal(parsed?.partial, partial);
    });
  }
});

describe('parseLogOptions', () => {
  const parse = (text: string) => parseLogOptions(new URLSearchParams(text), () => 100_000);
  it('reads all', () => {
    const options = parse('follow=true&tailLines=5&sinceSeconds=10&limitBytes=3&timestamps=1');
    assert.deepEqual(options, {
      follow: true,
      previous: false,
      timestamps: true,
      sinceMs: 90_000,
      tailLines: 5,
      limitBytes: 3,
      stream: 'All',
    });
  });
  for (const bad of [
    'tailLines=-1',
    'tailLines=x',
    'limitBytes=0',
    'sinceSeconds=0',
    'sinceTime=x',
    'stream=x',
    'sinceSeconds=1&sinceTime=2024-01-01T00:00:00Z',
  ]) {
    it(`refuses ${bad}`, () => assert.throws(() => parse(bad), { name: 'LogOptionsError' }));
  }
});

describe('a log file', () => {
  let dir: string;
  let path: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kubelab-logs-'));
    path = join(dir, '0.log');
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const read = async (options: Partial<LogOptions>, isRunning = () => false, out = new PassThrough()) => {
    let text = '';
    out.on('data', (chunk) => {
      text += chunk;
    });
    const defaults = {
      follow: false,
      previous: false,
      timestamps: false,
      sinceMs: undefined,
      tailLines: undefined,
      limitBytes: undefined,
      stream: 'All' as const,
    };
    const control = { isRunning, signal: new AbortController().signal };
    await copyLog(path, { ...defaults, ...options }, out, control);
    return text;
  };

  it('finds its tail without reading it all', async () => {
    const line = entry('x'.repeat(1000));
    await writeFile(path, line.repeat(300));
    const file = await open(path);
    const { size } = await file.stat();
    for (const [lines, want] of [
      [0, 0],
      [1, 1],
      [100, 100],
      [300, 300],
      [1000, 300],
    ] as const) {
      assert.equal(size - (await tailOffset(file, size, lines)), want * line.length);
    }
    await file.close();
  });

  it('filters', async () => {
    await writeFile(path, entry('a') + entry('b', 'stderr') + entry('c', 'stdout', 'P') + entry('d'));
    assert.equal(await read({}), 'a\nb\ncd\n');
    assert.equal(await read({ tailLines: 1 }), 'd\n');
    assert.equal(await read({ stream: 'Stderr' }), 'b\n');
    assert.equal(await read({ limitBytes: 3 }), 'a\nb');
    assert.equal(await read({ timestamps: true, tailLines: 1 }), `${time} d\n`);
    assert.equal(await read({ sinceMs: Date.parse(time) + 1000 }), '');
  });

  it('follows through a rotation to the end', async () => {
    await writeFile(path, entry('1'));
    let running = true;
    const out = new PassThrough();
    const text = read({ follow: true }, () => running, out);
    // It has the file that is about to be moved away.
    await once(out, 'data');
    await appendFile(path, entry('2'));
    await rename(path, `${path}.old`);
    await appendFile(`${path}.old`, entry('3'));
    await writeFile(path, entry('4'));
    running = false;
    assert.equal(await text, '1\n2\n3\n4\n');
  });
});
