// Real processes: a small server that answers on a unix socket, ends when told to, and can be stopped in its tracks.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, afterEach, test } from 'node:test';
import { createLogger, type Logger } from '@kubelab/component-base';
import { endDaemon, type ProcessSpec, startDaemon } from '../process/daemon.js';
import { socketHttpOk } from '../process/health-probe.js';
import { readPidRecord, runningPid, writePidRecord } from '../process/pid-record.js';
import { waitFor } from '../process/wait.js';
import { type KeepTiming, KeptProcess } from './kept-process.js';

const dir = mkdtempSync(`${tmpdir()}/kubelab-kept-`);
const logger: Logger = createLogger({ component: 'test', format: 'text', verbosity: 0 });
const timing: KeepTiming = {
  backOff: { initialMs: 10_000, maxMs: 300_000, resetAfterMs: 600_000 },
  // An answer may take long on a busy machine; only one that hangs gives none.
  ...{ probePeriodMs: 20, probeTimeoutMs: 60_000, liveFailures: 3, startFailures: 10_000 },
};
const server = `require('http').createServer((q, s) => s.end()).listen(process.argv[1])`;
let nowMs = 0;
const now = () => Date.now() + nowMs;
let made: { kept: KeptProcess; spec: ProcessSpec }[] = [];
let count = 0;

function spec(program = server, ...args: string[]): ProcessSpec {
  const name = `p${++count}`;
  const socket = `${dir}/${name}.sock`;
  return {
    name,
    command: [process.execPath, '-e', program, socket, ...args],
    ...{ runDir: dir, logFile: `${dir}/${name}.log`, stopTimeoutMs: 200 },
    ready: () => socketHttpOk(socket, '/'),
    live: (timeoutMs) => socketHttpOk(socket, '/', timeoutMs),
    beforeStart: () => rmSync(socket, { force: true }),
  };
}

function keep(of: ProcessSpec, probeTimeoutMs = timing.probeTimeoutMs): KeptProcess {
  const kept = new KeptProcess(of.name, of, logger, { ...timing, probeTimeoutMs }, now);
  made.push({ kept, spec: of });
  return kept;
}

/** Ticks until it holds. */
function until(kept: KeptProcess, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  return waitFor(
    async () => {
      kept.tick();
      return holds();
    },
    { what: 'the process to be as it should', timeoutMs: 60_000, intervalMs: 10 },
  );
}

const pidOf = (of: ProcessSpec) => runningPid(of) ?? 0;
/** Looks once: between two looks it may end. */
function runsAnew(of: ProcessSpec, former: number | undefined): boolean {
  const pid = runningPid(of);
  return pid !== undefined && pid !== former;
}
/** 0 would be the test's own process group. */
function kill(of: ProcessSpec, name: NodeJS.Signals = 'SIGKILL'): void {
  const pid = runningPid(of);
  assert.ok(pid, `${of.name} does not run`);
  process.kill(pid, name);
}

afterEach(async () => {
  nowMs = 0;
  for (const { kept, spec: of } of made) {
    await kept.close();
    await endDaemon(of);
  }
  made = [];
});
after(() => rmSync(dir, { recursive: true }));

test('a process that is killed comes back at once, the next time after the back-off', async () => {
  const of = spec();
  const kept = keep(of);
  assert.equal(await kept.ensure(of), 'started');
  assert.equal(await kept.ensure(of), 'running');
  const first = pidOf(of);
  kill(of);
  await until(kept, () => runsAnew(of, first));
  assert.deepEqual([kept.state().restarts, kept.state().lastExit?.reason], [1, 'signal SIGKILL']);
  kill(of);
  await until(kept, () => kept.state().nextStartAt !== undefined);
  assert.equal(kept.state().running, false);
  const waitMs = Date.parse(kept.state().nextStartAt ?? '') - now();
  assert.ok(waitMs > 0 && waitMs <= 10_000, `${waitMs}`);
  nowMs = 10_001;
  await until(kept, () => kept.state().running);
  assert.equal(kept.state().restarts, 2);
});

test('being asked for cuts a back-off short', async () => {
  const of = spec('process.exit(7)');
  const kept = keep(of);
  await kept.ensure(of);
  await until(kept, () => kept.state().nextStartAt !== undefined);
  assert.equal(kept.state().lastExit?.reason, 'exit code 7');
  const { restarts } = kept.state();
  assert.equal(await kept.ensure(of), 'started');
  await until(kept, () => kept.state().restarts > restarts);
});

test('a process that runs is adopted, and watched by its pid', async () => {
  const of = spec();
  const child = await startDaemon(of);
  const kept = keep(of);
  assert.equal(kept.adopt(), true);
  assert.equal(await kept.ensure(of), 'running');
  assert.equal(pidOf(of), child.pid);
  kill(of);
  await until(kept, () => runsAnew(of, child.pid));
  assert.equal(kept.state().lastExit?.reason, 'ended');
});

test('another process with the same pid is not adopted; the end that nobody saw is noted', async () => {
  const of = spec();
  writePidRecord(of, { pid: process.pid, startTime: '1', command: of.command });
  const kept = keep(of);
  assert.equal(kept.adopt(), false);
  assert.equal(await kept.ensure(of), 'started');
  assert.notEqual(pidOf(of), process.pid);
  assert.deepEqual([kept.state().restarts, kept.state().lastExit?.reason], [1, 'ended while no supervisor ran']);
});

test('a process with another command is replaced, and does not count as ended', async () => {
  const of = spec();
  const kept = keep(of);
  await kept.ensure(of);
  const first = pidOf(of);
  const changed = { ...of, command: [...of.command, '--changed'] };
  assert.equal(await kept.ensure(changed), 'started');
  assert.notEqual(pidOf(of), first);
  assert.deepEqual(readPidRecord(of)?.command, changed.command);
  kept.tick();
  assert.equal(kept.state().restarts, 0);
});

test('a process that hangs is ended and started again', async () => {
  const of = spec();
  const kept = keep(of, 500);
  await kept.ensure(of);
  await waitFor(of.ready, { what: 'the server', timeoutMs: 60_000 });
  const first = pidOf(of);
  // The first answer makes it a live one: from then on a few failed probes are enough.
  let answers = 0;
  const live = async (timeoutMs: number) => {
    const ok = await of.live(timeoutMs);
    answers += ok ? 1 : 0;
    return ok;
  };
  await kept.ensure({ ...of, live });
  await until(kept, () => answers > 1);
  kill(of, 'SIGSTOP');
  await until(kept, () => runsAnew(of, first));
  assert.equal(kept.state().lastExit?.reason, 'no answer to 3 probes');
  assert.equal(existsSync(`/proc/${first}/exe`), false);
});

test('a program that is not there is reported and tried again', async () => {
  const of = { ...spec(), command: [`${dir}/missing`] };
  const kept = keep(of);
  await assert.rejects(kept.ensure(of), /ENOENT/);
  writeFileSync(`${dir}/missing`, '#!/bin/sh\necho here\nexec sleep 1000\n', { mode: 0o755 });
  await until(kept, () => kept.state().running);
  await until(kept, () => readFileSync(of.logFile, 'utf8') === 'here\n');
});
