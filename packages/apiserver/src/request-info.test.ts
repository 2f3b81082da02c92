import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequestInfo } from './request-info.js';

const cases: [string, string, Partial<ReturnType<typeof parseRequestInfo>>][] = [
  ['GET', '/api/v1/pods', { verb: 'list', resource: 'pods', namespace: '' }],
  ['GET', '/api/v1/pods?watch=true', { verb: 'watch', resource: 'pods' }],
  ['GET', '/api/v1/pods?watch=0', { verb: 'list' }],
  ['GET', '/api/v1/namespaces/a/pods/b', { verb: 'get', namespace: 'a', name: 'b', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/a/pods/b/log', { verb: 'get', subresource: 'log', parts: ['pods', 'b', 'log'] }],
  ['GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Db', { verb: 'list', name: 'b' }],
  ['GET', '/api/v1/namespaces/a', { verb: 'get', resource: 'namespaces', name: 'a', namespace: 'a' }],
  ['PUT', '/api/v1/namespaces/a/finalize', { verb: 'update', resource: 'namespaces', subresource: 'finalize' }],
  ['PUT', '/api/v1/namespaces/a/status', { resource: 'namespaces', subresource: 'status', name: 'a' }],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments', { verb: 'deletecollection', apiGroup: 'apps' }],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments/d', { verb: 'delete', name: 'd' }],
  ['GET', '/api/v1/watch/namespaces/a/pods', { verb: 'watch', resource: 'pods', namespace: 'a' }],
  ['POST', '/apis/apps/v1/namespaces/a/deployments', { verb: 'create', apiVersion: 'v1', isResourceRequest: true }],
  ['GET', '/apis/apps/v1', { isResourceRequest: false, verb: 'get' }],
  ['GET', '/apis', { isResourceRequest: false }],
  ['POST', '/healthz', { isResourceRequest: false, verb: 'post' }],
  ['GET', '/api/v1/namespaces/a/services/http:web:80/proxy/x/y', { subresource: 'proxy', name: 'http:web:80' }],
  ['GET', '/api/v1/namespaces/%zz/pods', { namespace: '%zz' }],
];

for (const [method, target, expected] of cases) {
  test(`${method} ${target}`, () => {
    const info = parseRequestInfo(method, target);
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(info[key as keyof typeof info], value, key);
    }
  });
}
