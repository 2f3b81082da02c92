import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { readPidRecord, removePidRecord, runningPid, startTimeOf, writePidRecord } from './pid-record.js';
import { AbortWait, waitFor } from './wait.js';

/** A long-running process: what it is started with and where its files are. */
export interface ProcessSpec {
  name: string;
  command: string[];
  /** Command in front of it that enters a lab node's namespaces; the process is the same one after it. */
  enter?: string[];
  env?: Record<string, string>;
  /** Folder with the pid file (NAME.pid). */
  runDir: string;
  logFile: string;
  /** Resolves to true when it serves. Asked in the process's own network. */
  ready(): Promise<boolean>;
  /** Resolves to true when it answers within the time. Asked by the supervisor, in the machine's network. */
  live(timeoutMs: number): Promise<boolean>;
  readyTimeoutMs?: number;
  /** How long it may take to end after SIGTERM before SIGKILL. Default 10 s. */
  stopTimeoutMs?: number;
  /** Clears away what would keep it from starting; called only when it is not running. */
  beforeStart?(): void;
}

/**
 * Starts the process, which must not run. It outlives this program: its own session, its output in the log file. What
 * is known of earlier runs goes into the new record.
 */
export async function startDaemon(spec: ProcessSpec): Promise<ChildProcess> {
  mkdirSync(dirname(spec.logFile), { recursive: true });
  mkdirSync(spec.runDir, { recursive: true });
  spec.beforeStart?.();
  const before = readPidRecord(spec);
  const log = openSync(spec.logFile, 'a', 0o640);
  try {
    const [file = '', ...args] = [...(spec.enter ?? []), ...spec.command];
    const child = spawn(file, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...spec.env },
      cwd: '/',
    });
    const spawned = new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    // At once, so that a process whose starter is killed in this moment is still known.
    if (child.pid !== undefined) {
      writePidRecord(spec, {
        pid: child.pid,
        startTime: startTimeOf(child.pid) ?? '',
        command: spec.command,
        ...(before?.restarts === undefined ? {} : { restarts: before.restarts }),
        ...(before?.lastExit ? { lastExit: before.lastExit } : {}),
      });
    }
    await spawned;
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** Waits until the process serves. Fails at once, with the end of its log, when it has ended. */
export async function waitReady(spec: ProcessSpec): Promise<void> {
  await waitFor(
    async () => {
      assertRunning(spec);
      return spec.ready();
    },
    { what: `${spec.name} (log: ${spec.logFile})`, timeoutMs: spec.readyTimeoutMs ?? 180_000 },
  );
}

/** Ends a wait, with the end of the process's log, when it does not run (any more). */
export function assertRunning(spec: ProcessSpec): void {
  if (runningPid(spec) === undefined) {
    throw new AbortWait(`${spec.name} ended; the last lines of ${spec.logFile}:\n${tailOf(spec.logFile)}`);
  }
}

/** Ends the process and forgets it. Returns whether it was running. */
export async function stopDaemon(spec: Pick<ProcessSpec, 'name' | 'runDir' | 'stopTimeoutMs'>): Promise<boolean> {
  const wasRunning = await endDaemon(spec);
  removePidRecord(spec);
  return wasRunning;
}

/** Ends the process: SIGTERM, and SIGKILL when it does not follow. Its record stays. Returns whether it was running. */
export async function endDaemon(spec: Pick<ProcessSpec, 'name' | 'runDir' | 'stopTimeoutMs'>): Promise<boolean> {
  const pid = runningPid(spec);
  if (pid === undefined) {
    return false;
  }
  const startTime = startTimeOf(pid);
  const gone = async () => startTimeOf(pid) !== startTime;
  signal(pid, 'SIGTERM');
  try {
    await waitFor(gone, { what: `${spec.name} to end`, timeoutMs: spec.stopTimeoutMs ?? 10_000, intervalMs: 25 });
  } catch {
    signal(pid, 'SIGKILL');
    await waitFor(gone, { what: `${spec.name} to be killed`, timeoutMs: 10_000, intervalMs: 25 });
  }
  return true;
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
