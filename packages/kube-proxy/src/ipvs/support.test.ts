import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkIpvsSupport, IpvsUnsupportedError } from './support.js';

const refuses = (check: Promise<void>, message: RegExp) =>
  assert.rejects(check, (e) => e instanceof IpvsUnsupportedError && message.test(e.message));

test('what is missing is told by name', async () => {
  await refuses(
    checkIpvsSupport('rr', ['env', 'PATH=/nonexistent']),
    /^can't use the IPVS proxier: the command ipset is not installed/,
  );
  await refuses(checkIpvsSupport('rr', ['/nonexistent/nsenter']), /is not installed/);
  await refuses(checkIpvsSupport('r r; x'), /scheduler "r r; x" is no name/);
});
