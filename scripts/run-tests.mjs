// Runs the checks and tests of the repository and ends with a line "N passed, N failed".
//   node scripts/run-tests.mjs [lint] [unit] [integration] [e2e]      default: all
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childWith, killTree } from './lib/process-tree.mjs';
import { TestLog } from './lib/test-log.mjs';

const root = new URL('..', import.meta.url).pathname;
const parts = ['lint', 'unit', 'integration', 'e2e'];
const asked = process.argv.slice(2);
const unknown = asked.find((part) => !parts.includes(part));
if (unknown) {
  console.error(`unknown part ${unknown}; there are ${parts.join(', ')}`);
  process.exit(2);
}
const chosen = asked.length > 0 ? asked : parts;
const totals = { passed: 0, failed: 0 };
/** What failed, told again at the end: the reason must not be looked for in thousands of lines. */
const failures = [];

const minute = 60_000;
/** No file of tests takes this long, and all together end by then; what hangs is killed, and told by its name. */
const fileLimitMs = 25 * minute;
const testsEndAt = Date.now() + 75 * minute;
/** Nor does a command that is no test. */
const commandLimitMs = 12 * minute;

function run(command, args, { env = {}, onStart = () => undefined, limitMs = commandLimitMs } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
    const limit = setTimeout(() => {
      console.error(`${command} ${args.slice(0, 2).join(' ')}: killed after ${(limitMs / minute).toFixed(0)} minutes`);
      killTree(child.pid);
    }, limitMs);
    child.once('spawn', () => onStart(child.pid));
    child.once('close', () => clearTimeout(limit));
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function testFiles(dir) {
  return readdirSync(dir, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) {
        return entry.name === 'node_modules' ? [] : testFiles(path);
      }
      return entry.name.endsWith('.test.js') ? [path] : [];
    })
    .sort();
}

function sourceExists(file) {
  // A test whose source is gone may still have its old output in dist.
  const source = file.replace('/dist/', file.includes('/test/dist/') ? '/' : '/src/').replace(/\.js$/, '.ts');
  try {
    readFileSync(source);
    return true;
  } catch {
    return false;
  }
}

/** Runs files with node's test runner, which tells people what it does, and this program by events in a file. */
async function nodeTests(name, files, concurrency) {
  const present = files.filter(sourceExists);
  if (present.length === 0) {
    console.log(`\n=== ${name}: no tests`);
    return;
  }
  console.log(`\n=== ${name}: ${present.length} files`);
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-tests-'));
  const events = join(dir, 'events');
  writeFileSync(events, '');
  const log = new TestLog(events, root);
  const hung = new Map();
  let runner;
  const watch = setInterval(() => {
    log.read();
    const limitMs = Date.now() > testsEndAt ? 0 : fileLimitMs;
    for (const [file, { beganAt }] of log.overdue(limitMs)) {
      const pid = childWith(runner, file);
      if (pid !== undefined) {
        hung.set(file, `killed after ${((Date.now() - beganAt) / minute).toFixed(0)} minutes`);
        console.error(`=== ${log.running(file)}: ${hung.get(file)}`);
        killTree(pid);
      }
    }
  }, 1000);
  const began = Date.now();
  const code = await run(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${concurrency}`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      `--test-reporter=${join(root, 'scripts/lib/test-events.mjs')}`,
      `--test-reporter-destination=${events}`,
      ...present,
    ],
    {
      limitMs: Math.max(testsEndAt - Date.now(), 0) + 5 * minute,
      onStart: (pid) => {
        runner = pid;
      },
    },
  );
  clearInterval(watch);
  log.read();
  rmSync(dir, { recursive: true });
  totals.passed += log.counts.pass;
  // A file that could not even be loaded must count, whatever the runner's summary says.
  totals.failed += Math.max(log.counts.fail + log.counts.cancelled + hung.size, code === 0 ? 0 : 1);
  for (const [file, what] of hung) log.failures.push({ file, text: `${log.running(file)}: ${what}` });
  failures.push(...log.failures.map(({ text }) => `${name}: ${text}`), ...log.printed());
  console.log(`=== ${name}: ${((Date.now() - began) / 1000).toFixed(0)} s`);
}

async function check(name, command, args) {
  console.log(`\n=== ${name}`);
  const code = await run(command, args);
  totals[code === 0 ? 'passed' : 'failed']++;
  if (code !== 0) {
    failures.push(`${name}: ended with ${code}`);
  }
}

const all = readdirSync(join(root, 'packages')).flatMap((name) => {
  try {
    return testFiles(join(root, 'packages', name, 'dist'));
  } catch (error) {
    if (error.code === 'ENOENT') {
      return [];
    }
    throw error;
  }
});
all.push(...testFiles(join(root, 'test/dist/integration')));
const isIntegration = (file) => file.endsWith('.integration.test.js');

if (chosen.includes('lint')) {
  await check('biome', join(root, 'node_modules/.bin/biome'), ['ci', '.', '--error-on-warnings']);
  await check('imports', process.execPath, ['scripts/check-imports.mjs']);
}
if (chosen.includes('unit')) {
  await nodeTests(
    'unit',
    all.filter((file) => !isIntegration(file)),
    2,
  );
}
if (chosen.includes('integration')) {
  await nodeTests('integration', all.filter(isIntegration), 2);
}
if (chosen.includes('e2e')) {
  const control = join(root, 'test/dist/e2e/control.js');
  console.log('\n=== e2e: a cluster of two nodes');
  const up = await run(process.execPath, [control, 'up']);
  if (up === 0) {
    totals.passed++;
    await nodeTests('e2e', testFiles(join(root, 'test/dist/e2e')), 1);
  } else {
    totals.failed++;
    failures.push(`e2e: the cluster did not come up (${up})`);
    for (const log of [
      'apiserver',
      'controller-manager',
      'scheduler',
      'nodes/node1/kubelet',
      'nodes/node1/cri-docker',
    ]) {
      console.log(`--- the end of ${log}.log`);
      await run('tail', ['-n', '20', `/var/log/kubelab-e2e/${log}.log`]);
    }
  }
  const down = await run(process.execPath, [control, 'down']);
  totals[down === 0 ? 'passed' : 'failed']++;
  if (down !== 0) {
    failures.push(`e2e: the cluster could not be removed (${down})`);
  }
}

if (failures.length > 0) {
  console.log(`\n=== what failed\n${failures.join('\n')}`);
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed > 0 ? 1 : 0);
