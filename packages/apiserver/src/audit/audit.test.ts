import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger } from '@kubelab/component-base';
import { parseRequestInfo } from '../request-info.js';
import { Auditor } from './audit.js';
import { AuditLog } from './log-backend.js';
import { AuditPolicy } from './policy.js';

const policy = AuditPolicy.parse(
  `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: ["system:kube-proxy"]
  verbs: [watch]
  resources: [{group: "", resources: [endpoints, services]}]
- level: Metadata
  resources: [{group: "", resources: [secrets, "pods/log"]}]
- level: None
  nonResourceURLs: ["/healthz*", /version]
- level: RequestResponse
  namespaces: [prod]
  omitManagedFields: true
- level: Request
  userGroups: [devs]
`,
  'test',
);
const user = (name: string, ...groups: string[]) => ({ name, groups });
const levelOf = (who: ReturnType<typeof user>, method: string, path: string) =>
  policy.decide(who, parseRequestInfo(method, path)).level;

test('the first rule that matches decides', () => {
  const cases: [ReturnType<typeof user>, string, string, string][] = [
    [user('system:kube-proxy'), 'GET', '/api/v1/services?watch=1', 'None'],
    [user('x'), 'GET', '/api/v1/namespaces/prod/secrets/a', 'Metadata'],
    [user('x'), 'GET', '/api/v1/namespaces/a/pods/b/log', 'Metadata'],
    [user('x', 'devs'), 'GET', '/healthz/etcd', 'None'],
    [user('x'), 'POST', '/api/v1/namespaces/prod/pods', 'RequestResponse'],
    [user('x', 'devs'), 'POST', '/api/v1/namespaces/test/pods', 'Request'],
    [user('x'), 'POST', '/api/v1/namespaces/test/pods', 'None'],
  ];
  for (const [who, method, path, level] of cases) assert.equal(levelOf(who, method, path), level, `${method} ${path}`);
});

test('a policy that is none is refused with its reason', () => {
  assert.throws(() => AuditPolicy.parse('kind: Pod', 'f'), /must be a Policy/);
  assert.throws(() => AuditPolicy.parse('{apiVersion: audit.k8s.io/v1, kind: Policy, rules: []}', 'f'), /0 rules/);
  assert.throws(
    () => AuditPolicy.parse('{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Some}]}', 'f'),
    /rules\[0\]\.level/,
  );
});

test('events are written, cleaned and rotated', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubelab-audit-'));
  const path = join(directory, 'audit.log');
  const logger = createLogger({ component: 'test', format: 'text', verbosity: 0 });
  const log = new AuditLog({ path, maxSizeMb: 1, maxBackups: 1, maxAgeDays: 0 }, logger);
  const auditor = new Auditor(policy, log);
  const target = '/api/v1/namespaces/prod/pods';
  const info = parseRequestInfo('POST', target);
  const req = { url: target, headers: { 'user-agent': 'test' }, socket: { remoteAddress: '::ffff:10.0.0.1' } };
  try {
    for (let i = 0; i < 4; i++) {
      const res = Object.assign(new EventEmitter(), { statusCode: 201 });
      const record = auditor.begin(
        req as unknown as IncomingMessage,
        res as unknown as ServerResponse,
        info,
        user('x'),
        `id-${i}`,
      );
      record.annotate('authorization.k8s.io/decision', 'allow');
      record.annotate('authorization.k8s.io/decision', 'forbid');
      record.responseObject({ metadata: { name: 'a', managedFields: [] }, data: 'x'.repeat(600_000) });
      res.emit('close');
    }
    await log.close();
    const event = JSON.parse(readFileSync(path, 'utf8'));
    assert.equal(event.stage, 'ResponseComplete');
    assert.deepEqual(event.sourceIPs, ['10.0.0.1']);
    assert.deepEqual(event.objectRef, { resource: 'pods', namespace: 'prod', apiVersion: 'v1' });
    assert.deepEqual(event.responseObject.metadata, { name: 'a' });
    assert.deepEqual(event.annotations, { 'authorization.k8s.io/decision': 'allow' });
    assert.equal(event.responseStatus.code, 201);
    assert.equal(readdirSync(directory).length, 2);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
