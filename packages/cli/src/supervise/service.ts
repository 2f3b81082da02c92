import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { buildId, type Layout } from '../cluster/layout.js';
import { endDaemon } from '../process/daemon.js';
import { runningPid } from '../process/pid-record.js';
import { run } from '../process/run.js';
import { waitFor } from '../process/wait.js';
import { SupervisorClient } from './control-socket.js';
import { keeperRecord, startKeeper, superviseCommand, supervisorLog, supervisorRecord } from './keeper.js';
import { unitName, unitText } from './systemd-unit.js';

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

/**
 * Starts the supervisor of the cluster unless it runs: as a service that comes back at a reboot where the machine has
 * systemd, else by a keeper of its own. One of another build is replaced, since it would start processes with the flags
 * of its time. Resolves when it answers; returns the line to print. Rejects when one is there that does not answer as it
 * should.
 */
export async function ensureSupervisor(layout: Layout): Promise<string> {
  const supervisor = new SupervisorClient(layout);
  const isCurrent = (await supervisor.build()) === buildId();
  if (hasSystemd()) {
    await ensureUnit(layout, !isCurrent);
  } else if (!isCurrent) {
    await removeSupervisor(layout);
    await startKeeper(layout);
  }
  const what = `the supervisor to answer (log: ${supervisorLog(layout)})`;
  await waitFor(async () => (await supervisor.build()) === buildId(), { what, timeoutMs: 60_000, intervalMs: 50 });
  return isCurrent ? 'supervisor is running' : 'supervisor started';
}

/** Ends the supervisor for good; what it kept running goes on. Returns whether it ran. */
export async function removeSupervisor(layout: Layout): Promise<boolean> {
  const parts = [supervisorRecord(layout), keeperRecord(layout)];
  const ran = parts.some((part) => runningPid(part) !== undefined);
  if (hasSystemd() && existsSync(unitFile(layout))) {
    await run(['systemctl', 'disable', '--now', unitName(layout)]);
    rmSync(unitFile(layout));
    await run(['systemctl', 'daemon-reload']);
  }
  // The supervisor first: its keeper ends with it, while one without a keeper starts another. What is about to be
  // started in this moment is found the next time around.
  await waitFor(
    async () => {
      for (const part of parts) {
        await endDaemon({ ...part, stopTimeoutMs: 30_000 });
      }
      return parts.every((part) => runningPid(part) === undefined);
    },
    { what: 'the supervisor to end', timeoutMs: 90_000, intervalMs: 50 },
  );
  return ran;
}

/** Not for a cluster in a network namespace: a service of systemd would be in the machine's own. */
function hasSystemd(): boolean {
  return existsSync('/run/systemd/system') && readlinkSync('/proc/self/ns/net') === readlinkSync('/proc/1/ns/net');
}

function unitFile(layout: Layout): string {
  return `/etc/systemd/system/${unitName(layout)}`;
}

async function ensureUnit(layout: Layout, mustRestart: boolean): Promise<void> {
  const file = unitFile(layout);
  const environment = Object.fromEntries(
    proxyVariables.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
  const text = unitText(layout, { command: superviseCommand(layout), logFile: supervisorLog(layout), environment });
  const isNew = !existsSync(file) || readFileSync(file, 'utf8') !== text;
  // systemd opens the log before the supervisor could make its folder.
  mkdirSync(layout.logDir, { recursive: true });
  if (isNew) {
    writeFileSync(file, text, { mode: 0o644 });
    await run(['systemctl', 'daemon-reload']);
  }
  await run(['systemctl', 'enable', '--quiet', unitName(layout)]);
  // A unit that does not run is started by `restart` too.
  await run(['systemctl', isNew || mustRestart ? 'restart' : 'start', unitName(layout)]);
}
