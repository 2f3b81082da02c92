import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import type { Layout } from '../cluster/layout.js';
import { entryPoint } from '../cluster/layout.js';
import { type RecordKey, startTimeOf, writePidRecord } from '../process/pid-record.js';

/**
 * Where there is no systemd, a shell starts the supervisor again when it ends: after a second when it was killed, ten
 * when it failed. It ends with a supervisor that stopped as it was asked to. A shell, since it needs a megabyte.
 */
const script = `
while :; do
  "$@" && exit 0
  [ $? -gt 128 ] && sleep 1 || sleep 10
done`;

/** The supervisor's command, without what tells who keeps it. */
export function superviseCommand(layout: Layout): string[] {
  return [process.execPath, entryPoint('cli'), 'supervise', `--name=${layout.name}`];
}

export function supervisorLog(layout: Layout): string {
  return `${layout.logDir}/supervisor.log`;
}

/** Where the pids of the supervisor and of its keeper are. */
export function supervisorRecord(layout: Layout): RecordKey {
  return { name: 'supervisor', runDir: layout.runDir };
}

export function keeperRecord(layout: Layout): RecordKey {
  return { name: 'supervisor-keeper', runDir: layout.runDir };
}

/** Starts a keeper, and by it a supervisor; both outlive this program. */
export async function startKeeper(layout: Layout): Promise<void> {
  mkdirSync(layout.logDir, { recursive: true });
  mkdirSync(layout.runDir, { recursive: true });
  const log = openSync(supervisorLog(layout), 'a', 0o640);
  try {
    const args = ['-c', script, `kubelab-keeper-${layout.name}`, ...superviseCommand(layout), '--start-keeper'];
    const child = spawn('/bin/sh', args, { detached: true, stdio: ['ignore', log, log], cwd: '/' });
    const spawned = new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    if (child.pid !== undefined) {
      const startTime = startTimeOf(child.pid) ?? '';
      writePidRecord(keeperRecord(layout), { pid: child.pid, startTime, command: ['/bin/sh', ...args] });
    }
    await spawned;
    child.unref();
  } finally {
    closeSync(log);
  }
}
