import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { V1Pod } from '@kubelab/api';
import { forever, NodeSuite, sh } from './testing/node-suite.js';
import { eventually, until } from './testing/test-node.js';

describe('what a container is given', () => {
  const suite = new NodeSuite();
  const { status, condition, ready, gone, logs } = suite;

  it('gives containers their environment', async () => {
    suite.node.api.put('configmaps', {
      metadata: { name: 'cm', namespace: 'default' },
      data: { KEY: 'from-map', other: 'x' },
    });
    suite.node.api.put('secrets', {
      metadata: { name: 'sec', namespace: 'default' },
      data: { PASS: Buffer.from('s3cret').toString('base64') },
    });
    suite.node.run('env', {
      containers: [
        sh(`env; echo end; ${forever}`, {
          env: [
            { name: 'A', value: 'a' },
            { name: 'B', value: '$(A)-$(KEY)-$$(A)-$(NOPE)' },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'PASS', valueFrom: { secretKeyRef: { name: 'sec', key: 'PASS' } } },
            { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
            { name: 'GONE', valueFrom: { configMapKeyRef: { name: 'none', key: 'k', optional: true } } },
          ],
          envFrom: [{ configMapRef: { name: 'cm' } }],
          resources: { limits: { cpu: '250m', memory: '64Mi' } },
        }),
      ],
    });
    await ready('env');
    await eventually(async () => assert.match(await logs('env'), /^end$/m));
    const lines = (await logs('env')).split('\n');
    const ip = suite.node.pod('env')?.status?.podIP;
    for (const line of [
      'A=a',
      'B=a-from-map-$(A)-$(NOPE)',
      `IP=${ip}`,
      'PASS=s3cret',
      'LIMIT=250',
      'KEY=from-map',
      'HOSTNAME=env',
    ]) {
      assert.ok(lines.includes(line), `${line} in ${lines}`);
    }
    assert.ok(!lines.some((line) => line.startsWith('GONE=')));
    assert.equal(suite.node.pod('env')?.status?.qosClass, 'Guaranteed');
    await gone('env');
  });

  it('says what is missing, and starts when it comes', async () => {
    suite.node.run('waits', {
      containers: [sh(forever, { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'late', key: 'k' } } }] })],
    });
    await until(
      () => status('waits')?.state?.waiting?.reason === 'CreateContainerConfigError',
      'CreateContainerConfigError',
    );
    assert.equal(status('waits')?.state?.waiting?.message, 'configmaps "late" not found');
    suite.node.api.put('configmaps', { metadata: { name: 'late', namespace: 'default' }, data: { k: 'v' } });
    await ready('waits');
    await gone('waits');
  });

  it('mounts volumes and keeps them up to date', async () => {
    suite.node.api.put('configmaps', { metadata: { name: 'live', namespace: 'default' }, data: { a: '1', b: '2' } });
    suite.node.run(
      'vols',
      {
        serviceAccountName: 'default',
        securityContext: { fsGroup: 1234 },
        volumes: [
          { name: 'cm', configMap: { name: 'live', items: [{ key: 'a', path: 'dir/a', mode: 0o400 }] } },
          { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
          { name: 'down', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          {
            name: 'tok',
            projected: { sources: [{ serviceAccountToken: { path: 'token' } }, { configMap: { name: 'live' } }] },
          },
          { name: 'host', hostPath: { path: join(suite.node.dir, 'hostdir'), type: 'DirectoryOrCreate' } },
          { name: 'data', emptyDir: {} },
        ],
        containers: [
          sh(forever, {
            volumeMounts: [
              { name: 'cm', mountPath: '/cm' },
              { name: 'mem', mountPath: '/mem' },
              { name: 'down', mountPath: '/down' },
              { name: 'tok', mountPath: '/tok', readOnly: true },
              { name: 'host', mountPath: '/host' },
              { name: 'data', mountPath: '/sub', subPath: 'x/y' },
            ],
          }),
        ],
      },
      { labels: { app: 'v' } },
    );
    await ready('vols');
    const run = async (command: string) => {
      const id = status('vols')?.containerID?.replace('docker://', '') ?? '';
      const answer = await suite.node.cri.execSync({ container_id: id, cmd: ['/bin/sh', '-c', command], timeout: 120 });
      return `${answer.stdout}${answer.stderr}`;
    };
    assert.equal(await run('cat /cm/dir/a'), '1');
    assert.equal(await run('cat /down/labels'), 'app="v"');
    assert.match(await run('cat /tok/token'), /^token-/);
    assert.match(await run('df -m /mem | tail -1'), /tmpfs +8 /);
    assert.match(await run('ls -ld /sub /mem'), / 1234 /);
    assert.equal(await run('touch /host/f /sub/g && echo ok'), 'ok\n');
    assert.match(await run('touch /tok/x /cm/x 2>&1; true'), /tok\/x: Read-only.*\n.*cm\/x: Read-only/);
    assert.match(await run('grep " /tok " /proc/mounts'), /^tmpfs /);
    assert.match(await run('cat /etc/hosts'), /10\.99\.0\.\d+\tvols/);
    const live = suite.node.api.get('configmaps', 'default', 'live');
    suite.node.api.put('configmaps', {
      ...live,
      metadata: { name: 'live', namespace: 'default' },
      data: { a: 'new', b: '2' },
    });
    await eventually(async () => assert.equal(await run('cat /cm/dir/a /tok/a'), 'newnew'));
    const folder = join(suite.node.dir, 'kubelet/pods', suite.node.pod('vols')?.metadata?.uid ?? '');
    assert.ok(existsSync(folder));
    await gone('vols');
    await until(() => !existsSync(folder), 'its folder to go');
  });

  it('changes resources in place', async () => {
    const limits = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
    suite.node.run('resized', { containers: [sh(forever, { resources: limits('100m', '32Mi') })] });
    await ready('resized');
    const id = status('resized')?.containerID;
    const change = (cpu: string, memory: string) => {
      const current = suite.node.pod('resized') as V1Pod;
      suite.node.api.put('pods', {
        ...current,
        metadata: { ...current.metadata, name: 'resized', namespace: 'default' },
        spec: { ...current.spec, containers: [sh(forever, { resources: limits(cpu, memory) })] },
      });
    };
    change('200m', '64Mi');
    await eventually(async () => {
      const { status: now } = await suite.node.cri.containerStatus({ container_id: id?.slice(9) ?? '' });
      assert.equal(now?.resources?.linux?.memory_limit_in_bytes, 64 * 1024 * 1024);
      assert.equal(now?.resources?.linux?.cpu_quota, 20_000);
    });
    assert.equal(status('resized')?.containerID, id);
    change('1000', '64Mi');
    await until(() => condition('resized', 'PodResizePending')?.reason === 'Infeasible', 'Infeasible');
    change('200m', '64Mi');
    await until(() => !condition('resized', 'PodResizePending'), 'no condition');
    await gone('resized', 1);
  });

  suite.leavesNothingBehind();
});
