import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** What is known of a process beyond the life of the program that started it: a file NAME.pid in its run folder. */
export interface PidRecord {
  pid: number;
  /** Field 22 of /proc/PID/stat: tells a process from a later one with the same pid. */
  startTime: string;
  command: string[];
  /** How often it was started again after it had ended. */
  restarts?: number;
  lastExit?: LastExit;
}

/** How a process ended. */
export interface LastExit {
  /** RFC 3339. */
  at: string;
  reason: string;
}

/** Names a record's file. */
export interface RecordKey {
  name: string;
  runDir: string;
}

/** The record, also of a process that has ended; undefined when there is none or it is damaged. */
export function readPidRecord(key: RecordKey): PidRecord | undefined {
  if (!existsSync(pidFile(key))) {
    return undefined;
  }
  try {
    return JSON.parse(readFileSync(pidFile(key), 'utf8')) as PidRecord;
  } catch {
    // Removed in this moment, or damaged: as good as no file, since the process cannot be told from another.
    return undefined;
  }
}

/** Replaces the record at once: a reader sees the old or the new one, whole. */
export function writePidRecord(key: RecordKey, record: PidRecord): void {
  const next = `${pidFile(key)}.new`;
  writeFileSync(next, JSON.stringify(record));
  renameSync(next, pidFile(key));
}

export function removePidRecord(key: RecordKey): void {
  rmSync(pidFile(key), { force: true });
}

/** The pid of the running process, or undefined when it is not running. */
export function runningPid(key: RecordKey): number | undefined {
  const record = readPidRecord(key);
  return record && isRunning(record) ? record.pid : undefined;
}

/** Whether the very process of the record runs. */
export function isRunning(record: PidRecord): boolean {
  return startTimeOf(record.pid) === record.startTime;
}

/** When the process started, in clock ticks since boot; undefined when there is none (a zombie counts as none). */
export function startTimeOf(pid: number): string | undefined {
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

/** How long ago the process started. */
export function ageMs(record: PidRecord): number {
  // Ticks of USER_HZ, which is 100 on every architecture that Node runs on.
  return Math.max(0, uptime() * 1000 - Number(record.startTime) * 10);
}

function pidFile(key: RecordKey): string {
  return `${key.runDir}/${key.name}.pid`;
}
