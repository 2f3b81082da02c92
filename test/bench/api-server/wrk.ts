import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cpuSeconds } from './process-usage.js';

const run = promisify(execFile);

export interface Load {
  url: string;
  token: string;
  connections: number;
  seconds: number;
  /** Body of a Lua function `request()`; absent: GET of the URL. Variables: `n` counts, `id` is the thread's own. */
  request?: string;
}

export interface LoadResult {
  perSecond: number;
  /** Of the API server, user and system, a request. */
  cpuMicroseconds: number;
  p99: string;
}

/**
 * Loads the API server with wrk (Debian's package) and returns what came of it.
 * @throws Error when answers were not of the 2xx kind: then nothing was measured
 */
export async function wrk(load: Load, pid: number): Promise<LoadResult> {
  const directory = mkdtempSync(join(tmpdir(), 'kubelab-bench-'));
  try {
    const script = join(directory, 'request.lua');
    writeFileSync(script, luaOf(load));
    const before = cpuSeconds(pid);
    const { stdout } = await run('wrk', [
      ...[
        '-t',
        '2',
        '-c',
        String(load.connections),
        '-d',
        `${load.seconds}s`,
        '--timeout',
        '30s',
        '--latency',
        '-s',
        script,
        load.url,
      ],
    ]);
    const used = cpuSeconds(pid) - before;
    const problem = /Non-2xx.*|Socket errors.*/.exec(stdout)?.[0];
    if (problem) throw new Error(`${load.url}: ${problem}`);
    const answered = Number(/(\d+) requests in/.exec(stdout)?.[1]);
    return {
      perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
      cpuMicroseconds: (used / answered) * 1e6,
      p99: /99%\s+(\S+)/.exec(stdout)?.[1] ?? '',
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function luaOf(load: Load): string {
  const authorization = `wrk.headers["Authorization"] = "Bearer ${load.token}"\n`;
  if (load.request === undefined) return authorization;
  // Each thread has an interpreter of its own: its counter starts at 1, so its names need a part of its own.
  return `${authorization}
local threads = 0
function setup(thread) threads = threads + 1; thread:set("id", "${process.pid.toString(36)}-${Date.now().toString(36)}-" .. threads) end
local n = 0
function request() n = n + 1
${load.request}
end
`;
}
