import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseRequestInfo } from '../request-info.js';
import { connectOptions } from './connect-options.js';

const options = (path: string, subpath = '') => connectOptions(parseRequestInfo('POST', `/api/v1${path}`), subpath);

it('makes the options of a connection from the query', () => {
  assert.deepEqual(options('/namespaces/d/pods/p/attach?stdin=true&stdout&stderr=0&container=c'), {
    kind: 'PodAttachOptions',
    apiVersion: 'v1',
    metadata: {},
    stdin: true,
    stdout: true,
    stderr: false,
    container: 'c',
  });
  const { command, kind } = options('/namespaces/d/pods/p/exec?command=ls&command=-l');
  assert.deepEqual({ command, kind }, { command: ['ls', '-l'], kind: 'PodExecOptions' });
  assert.deepEqual(options('/namespaces/d/pods/p/portforward?ports=80,81').ports, [80, 81]);
  assert.equal(options('/nodes/n/proxy/stats', '/stats').path, '/stats');
});
