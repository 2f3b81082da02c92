import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { hasUml, runInUml } from '@kubelab/kube-proxy/testing';

// kube-proxy's IPVS mode on a kernel that has ip_vs: this machine's may have none, so the test runs in a User-mode
// Linux (Debian's package user-mode-linux), with the same code and real traffic between namespaces.
const guest = fileURLToPath(new URL('./ipvs/guest.js', import.meta.url));
/** About a minute of processor time; the machine may have ten others to run. */
const timeoutMs = 22 * 60_000;

interface GuestTest {
  name: string;
  isOk: boolean;
  details: string;
}

/** Top level tests of node's TAP output. */
function parseTap(text: string): GuestTest[] {
  const tests = [...text.matchAll(/^(not )?ok \d+ - (.*)\n( {2}---\n(?: {2}.*\n)*?) {2}\.\.\.$/gm)];
  return tests.map(([, not, name = '', details = '']) => ({ name, isOk: !not, details }));
}

/** Debian has a User-mode Linux for this processor alone: on others there is nothing to run the mode on. */
if (process.arch === 'x64') test('IPVS mode in a User-mode Linux', ipvsMode);

async function ipvsMode(t: TestContext): Promise<void> {
  assert.ok(hasUml(), 'the package user-mode-linux is not installed (scripts/test.sh does it)');
  const result = await runInUml([process.execPath, '--test-reporter=tap', guest], { timeoutMs });
  const { output, code, seconds } = result;
  const tests = parseTap(output);
  for (const { name, isOk, details } of tests) await t.test(name, () => assert.ok(isOk, details));
  const planned = Number(/^1\.\.(\d+)$/m.exec(output)?.[1]);
  const told = `the guest ended with ${code ?? 'nothing'} after ${seconds.toFixed(0)} s and said:\n${output}`;
  assert.ok(code === 0 && tests.length > 0 && tests.length === planned, told);
  t.diagnostic(`${tests.length} tests in the guest, ${seconds.toFixed(0)} s`);
}
