import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { AbortWait, waitFor } from './wait.js';

/** A long-running process: what it is started with and where its files are. */
export interface ProcessSpec {
  name: string;
  command: string[];
  env?: Record<string, string>;
  /** Folder with the pid file (NAME.pid). */
  runDir: string;
  logFile: string;
  /** Resolves to true when it serves. */
  ready(): Promise<boolean>;
  readyTimeoutMs?: number;
  /** How long it may take to end after SIGTERM before SIGKILL. Default 10 s. */
  stopTimeoutMs?: number;
  /** Clears away what would keep it from starting; called only when it is not running. */
  beforeStart?(): void;
}

interface PidRecord {
  pid: number;
  /** Field 22 of /proc/PID/stat: tells a process from a later one with the same pid. */
  startTime: string;
  command: string[];
}

/** The pid of the running process, or undefined when it is not running. */
export function runningPid(spec: Pick<ProcessSpec, 'name' | 'runDir'>): number | undefined {
  const record = readRecord(pidFile(spec));
  return record && startTimeOf(record.pid) === record.startTime ? record.pid : undefined;
}

/**
 * Starts the process unless it runs already with the same command; one with another command is replaced. Returns
 * whether it was started. It outlives this program: its own session, its output in the log file.
 */
export async function startDaemon(spec: ProcessSpec): Promise<'started' | 'running'> {
  const record = readRecord(pidFile(spec));
  if (record && startTimeOf(record.pid) === record.startTime) {
    if (JSON.stringify(record.command) === JSON.stringify(spec.command)) {
      return 'running';
    }
    await stopDaemon(spec);
  }
  mkdirSync(dirname(spec.logFile), { recursive: true });
  mkdirSync(spec.runDir, { recursive: true });
  spec.beforeStart?.();
  const log = openSync(spec.logFile, 'a', 0o640);
  try {
    const [file = '', ...args] = spec.command;
    const child = spawn(file, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...spec.env },
      cwd: '/',
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    const pid = child.pid as number;
    writeFileSync(pidFile(spec), JSON.stringify({ pid, startTime: startTimeOf(pid) ?? '', command: spec.command }));
    child.unref();
  } finally {
    closeSync(log);
  }
  return 'started';
}

/** Waits until the process serves. Fails at once, with the end of its log, when it has ended. */
export async function waitReady(spec: ProcessSpec): Promise<void> {
  await waitFor(
    async () => {
      assertRunning(spec);
      return spec.ready();
    },
    { what: `${spec.name} (log: ${spec.logFile})`, timeoutMs: spec.readyTimeoutMs ?? 60_000 },
  );
}

/** Ends a wait, with the end of the process's log, when it does not run (any more). */
export function assertRunning(spec: ProcessSpec): void {
  if (runningPid(spec) === undefined) {
    throw new AbortWait(`${spec.name} ended; the last lines of ${spec.logFile}:\n${tailOf(spec.logFile)}`);
  }
}

/** Ends the process: SIGTERM, and SIGKILL when it does not follow. Returns whether it was running. */
export async function stopDaemon(spec: Pick<ProcessSpec, 'name' | 'runDir' | 'stopTimeoutMs'>): Promise<boolean> {
  const pid = runningPid(spec);
  if (pid !== undefined) {
    const startTime = startTimeOf(pid);
    const gone = async () => startTimeOf(pid) !== startTime;
    signal(pid, 'SIGTERM');
    try {
      await waitFor(gone, { what: `${spec.name} to end`, timeoutMs: spec.stopTimeoutMs ?? 10_000, intervalMs: 25 });
    } catch {
      signal(pid, 'SIGKILL');
      await waitFor(gone, { what: `${spec.name} to be killed`, timeoutMs: 10_000, intervalMs: 25 });
    }
  }
  rmSync(pidFile(spec), { force: true });
  return pid !== undefined;
}

function pidFile(spec: Pick<ProcessSpec, 'name' | 'runDir'>): string {
  return `${spec.runDir}/${spec.name}.pid`;
}

function readRecord(file: string): PidRecord | undefined {
  if (!existsSync(file)) {
    return undefined;
  }
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as PidRecord;
  } catch {
    // Cut off by a crash while it was written: as good as no file, since the process cannot be told from another.
    return undefined;
  }
}

/** When the process started, in clock ticks since boot; undefined when there is none (a zombie counts as none). */
function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command name in parentheses may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}

function tailOf(file: string): string {
  if (!existsSync(file) || statSync(file).size === 0) {
    return '(empty)';
  }
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
}
