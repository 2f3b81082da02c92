import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { V1Pod } from '@kubelab/api';
import { forever, NodeSuite, often, sh } from './testing/node-suite.js';
import { eventually, until } from './testing/test-node.js';

describe('a pod on Docker, from its start to its end', () => {
  const suite = new NodeSuite();
  const { status, condition, ready, phase, gone, eventOf, get, logs } = suite;

  it('runs a pod to its end, by restart policy', async () => {
    suite.node.run('good', { restartPolicy: 'Never', containers: [sh('echo done >/dev/termination-log')] });
    suite.node.run('bad', {
      restartPolicy: 'Never',
      containers: [sh('echo oops; exit 3', { terminationMessagePolicy: 'FallbackToLogsOnError' })],
    });
    suite.node.run('retry', { restartPolicy: 'OnFailure', containers: [sh('exit 0')] });
    await phase('good', 'Succeeded');
    await phase('bad', 'Failed');
    await phase('retry', 'Succeeded');
    assert.equal(status('good')?.state?.terminated?.reason, 'Completed');
    assert.equal(status('good')?.state?.terminated?.message, 'done\n');
    assert.equal(status('bad')?.state?.terminated?.exitCode, 3);
    assert.equal(status('bad')?.state?.terminated?.message, 'oops\n');
    assert.equal(condition('good', 'Ready')?.reason, 'PodCompleted');
    assert.equal(await logs('bad'), 'oops\n');
    for (const name of ['good', 'bad', 'retry']) await gone(name);
  });

  it('backs off from a crashing container', async () => {
    suite.node.run('crash', { containers: [sh('echo run; exit 1')] });
    await until(() => status('crash')?.state?.waiting?.reason === 'CrashLoopBackOff', 'CrashLoopBackOff');
    const seen = status('crash');
    assert.equal(seen?.restartCount, 1);
    assert.match(
      seen?.state?.waiting?.message ?? '',
      /^back-off 10s restarting failed container=c pod=crash_default\(/,
    );
    assert.equal(seen?.lastState?.terminated?.exitCode, 1);
    assert.equal(suite.node.pod('crash')?.status?.phase, 'Running');
    assert.equal(condition('crash', 'Ready')?.reason, 'ContainersNotReady');
    await eventOf('crash', 'BackOff: Back-off restarting failed container c in pod crash_default(');
    assert.equal(await logs('crash', '?previous=true'), 'run\n');
    await gone('crash');
  });

  it('runs init containers in order, then sidecars with the others', async () => {
    const init = (name: string, script: string, extra: object = {}) => ({ ...sh(script, extra), name });
    suite.node.run('inits', {
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [
        init('a', 'echo a >>/v/order', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
        init('side', forever, { restartPolicy: 'Always' }),
        init('b', 'echo b >>/v/order', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      ],
      containers: [sh(`cat /v/order; ${forever}`, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    });
    await ready('inits');
    await eventually(async () => assert.equal(await logs('inits'), 'a\nb\n'));
    assert.equal(status('inits', 'a')?.state?.terminated?.exitCode, 0);
    assert.ok(status('inits', 'side')?.state?.running);
    assert.equal(status('inits', 'side')?.ready, true);
    await gone('inits');
  });

  it('does not start a failed init container’s pod', async () => {
    suite.node.run('initfail', {
      restartPolicy: 'Never',
      initContainers: [{ ...sh('exit 7'), name: 'i' }],
      containers: [sh(forever)],
    });
    await phase('initfail', 'Failed');
    assert.equal(status('initfail', 'i')?.state?.terminated?.exitCode, 7);
    await gone('initfail');
  });

  it('probes', async () => {
    suite.node.run('probed', {
      containers: [
        sh(`touch /tmp/ok; ${forever}`, {
          readinessProbe: { exec: { command: ['cat', '/tmp/ready'] }, ...often },
          livenessProbe: { exec: { command: ['cat', '/tmp/ok'] }, ...often, failureThreshold: 2 },
          startupProbe: { exec: { command: ['cat', '/tmp/ok'] }, ...often },
        }),
      ],
    });
    await until(() => status('probed')?.started, 'started');
    assert.equal(status('probed')?.ready, false);
    const exec = (command: string) =>
      suite.node.cri.execSync({
        container_id: status('probed')?.containerID?.slice(9) ?? '',
        cmd: ['/bin/sh', '-c', command],
        timeout: 120,
      });
    await exec('touch /tmp/ready');
    await ready('probed');
    await exec('rm /tmp/ready');
    await until(() => condition('probed', 'Ready')?.status === 'False', 'not ready');
    await exec('rm /tmp/ok');
    await until(() => (status('probed')?.restartCount ?? 0) > 0, 'a restart');
    await eventOf('probed', 'Unhealthy: Liveness probe failed: cat: can');
    await eventOf('probed', 'Killing: Container c failed liveness probe, will be restarted');
    await gone('probed');
  });

  it('probes over the network', async () => {
    suite.node.run('net', {
      containers: [
        sh(`mkdir /www; echo hi >/www/index.html; httpd -p 8080 -h /www; ${forever}`, {
          ports: [{ name: 'web', containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/index.html', port: 'web' }, ...often },
          livenessProbe: { tcpSocket: { port: 8080 }, ...often },
        }),
      ],
    });
    await ready('net');
    suite.node.run('deaf', {
      containers: [sh(forever, { readinessProbe: { httpGet: { path: '/', port: 81 }, ...often } })],
    });
    await eventOf('deaf', 'connect: connection refused');
    await Promise.all([gone('net'), gone('deaf')]);
  });

  it('terminates with hooks and grace', async () => {
    const hostdir = join(suite.node.dir, 'hooks');
    mkdirSync(hostdir, { recursive: true });
    suite.node.run('hooked', {
      terminationGracePeriodSeconds: 120,
      volumes: [{ name: 'h', hostPath: { path: hostdir } }],
      containers: [
        sh(`trap "echo term >>/h/log; exit 0" TERM; while true; do sleep 0.1; done`, {
          volumeMounts: [{ name: 'h', mountPath: '/h' }],
          lifecycle: {
            postStart: { exec: { command: ['/bin/sh', '-c', 'echo start >>/h/log'] } },
            preStop: { exec: { command: ['/bin/sh', '-c', 'echo stop >>/h/log'] } },
          },
        }),
      ],
    });
    await ready('hooked');
    await gone('hooked');
    assert.equal(execFileSync('cat', [join(hostdir, 'log')]).toString(), 'start\nstop\nterm\n');
    // One that ignores SIGTERM is killed when its time is over.
    suite.node.run('stubborn', {
      terminationGracePeriodSeconds: 1,
      containers: [sh('trap "" TERM; while true; do sleep 0.2; done')],
    });
    await ready('stubborn');
    await gone('stubborn');
  });

  it('tells that a pod is no longer ready while it ends', async () => {
    const hostdir = join(suite.node.dir, 'drain');
    mkdirSync(hostdir, { recursive: true });
    suite.node.run('drained', {
      volumes: [{ name: 'h', hostPath: { path: hostdir } }],
      containers: [
        sh('touch /tmp/ready; trap "rm /tmp/ready" TERM; while [ ! -e /h/end ]; do sleep 0.1; done', {
          volumeMounts: [{ name: 'h', mountPath: '/h' }],
          readinessProbe: { exec: { command: ['cat', '/tmp/ready'] }, ...often, failureThreshold: 1 },
        }),
      ],
    });
    await ready('drained');
    suite.node.api.deletePod('default', 'drained', 120);
    await until(() => condition('drained', 'Ready')?.status === 'False', 'not ready');
    assert.equal(status('drained')?.ready, false);
    assert.ok(status('drained')?.state?.running);
    writeFileSync(join(hostdir, 'end'), '');
    await until(() => !suite.node.pod('drained'), 'it to go');
  });

  it('tells about images it cannot get', async () => {
    suite.node.run('noimage', { containers: [{ name: 'c', image: 'localhost:1/none:1' }] });
    suite.node.run('never', { containers: [{ name: 'c', image: 'none/here:1', imagePullPolicy: 'Never' }] });
    suite.node.run('badname', { containers: [{ name: 'c', image: 'Bad' }] });
    await until(() => status('noimage')?.state?.waiting?.reason === 'ErrImagePull', 'ErrImagePull');
    await until(() => status('never')?.state?.waiting?.reason === 'ErrImageNeverPull', 'ErrImageNeverPull');
    await until(() => status('badname')?.state?.waiting?.reason === 'InvalidImageName', 'InvalidImageName');
    await eventOf('noimage', 'Failed: Failed to pull image "localhost:1/none:1"');
    await eventOf('noimage', 'Failed: Error: ErrImagePull');
    for (const name of ['noimage', 'never', 'badname']) await gone(name);
  });

  it('adds ephemeral containers to a running pod', async () => {
    const pod = suite.node.run('debugged', { containers: [sh(forever)] });
    await ready('debugged');
    const current = suite.node.pod('debugged') as V1Pod;
    suite.node.api.put('pods', {
      ...current,
      metadata: { ...current.metadata, name: 'debugged', namespace: 'default' },
      spec: {
        ...pod.spec,
        ephemeralContainers: [{ ...sh(`ps; ${forever}`), name: 'dbg', targetContainerName: 'c' }],
      },
    });
    await until(() => status('debugged', 'dbg')?.state?.running, 'the ephemeral container');
    await eventually(async () => assert.match((await get('/containerLogs/default/debugged/dbg')).body, /sleep 1000/));
    await gone('debugged');
  });

  it('ends pods at their deadline', async () => {
    suite.node.run('late', { activeDeadlineSeconds: 1, containers: [sh(forever)] });
    await phase('late', 'Failed');
    assert.equal(suite.node.pod('late')?.status?.reason, 'DeadlineExceeded');
    await gone('late');
  });

  it('refuses what does not fit', async () => {
    suite.node.run('big', { containers: [sh(forever, { resources: { requests: { cpu: '1000' } } })] });
    await phase('big', 'Failed');
    assert.equal(suite.node.pod('big')?.status?.reason, 'OutOfcpu');
    suite.node.run('rootless', { securityContext: { runAsNonRoot: true }, containers: [sh(forever)] });
    await until(
      () => status('rootless')?.state?.waiting?.reason === 'CreateContainerConfigError',
      'CreateContainerConfigError',
    );
    assert.match(status('rootless')?.state?.waiting?.message ?? '', /image will run as root/);
    await gone('big');
    await gone('rootless');
  });

  it('says that a container ran out of memory', async () => {
    suite.node.run('oom', {
      restartPolicy: 'Never',
      containers: [sh('tail /dev/zero', { resources: { limits: { memory: '16Mi' } } })],
    });
    await phase('oom', 'Failed');
    assert.equal(status('oom')?.state?.terminated?.reason, 'OOMKilled');
    await gone('oom');
  });

  it('evicts a pod that outgrows its emptyDir', async () => {
    suite.node.run('fat', {
      volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }],
      containers: [
        sh(`dd if=/dev/zero of=/v/f bs=1M count=3; ${forever}`, { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      ],
    });
    await phase('fat', 'Failed');
    assert.equal(suite.node.pod('fat')?.status?.reason, 'Evicted');
    assert.match(suite.node.pod('fat')?.status?.message ?? '', /^Usage of EmptyDir volume "v" exceeds the limit "1Mi"/);
    await gone('fat');
  });

  suite.leavesNothingBehind();
});
