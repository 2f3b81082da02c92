import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { V1ContainerStatus, V1Pod } from '@kubelab/api';
import { eventually, startTestNode, type TestNode, testImage, until } from './testing/test-node.js';

const sh = (script: string, extra: object = {}) => ({
  name: 'c',
  image: testImage,
  command: ['/bin/sh', '-c', script],
  ...extra,
});
/** A probe a second, each with time to be made on a busy machine too: one that runs out would count as failed. */
const often = { periodSeconds: 1, timeoutSeconds: 60 };
/** Ends at once on SIGTERM, which a shell as process 1 would not. */
const forever = 'trap "exit 0" TERM; sleep 1000 & wait';

describe('kubelet on Docker', () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
    await node.startAgent();
  });
  after(async () => {
    if (process.env.SHOW_LOG) console.error(node.agentLog());
    await node.close();
  });

  const status = (name: string, container = 'c'): V1ContainerStatus | undefined => {
    const pod = node.pod(name)?.status;
    const all = [
      ...(pod?.initContainerStatuses ?? []),
      ...(pod?.containerStatuses ?? []),
      ...(pod?.ephemeralContainerStatuses ?? []),
    ];
    return all.find((candidate) => candidate.name === container);
  };
  const condition = (name: string, type: string) =>
    node.pod(name)?.status?.conditions?.find((candidate) => candidate.type === type);
  const ready = (name: string) =>
    until(
      () => condition(name, 'Ready')?.status === 'True',
      `${name} to be ready: ${JSON.stringify(node.pod(name)?.status)}`,
    );
  const phase = (name: string, wanted: string) =>
    until(() => node.pod(name)?.status?.phase === wanted, `${name} to be ${wanted}`);
  const gone = async (name: string, grace?: number) => {
    node.api.deletePod('default', name, grace);
    await until(() => !node.pod(name), `${name} to be gone`);
  };
  const events = (name: string) =>
    node.api
      .list('events')
      .filter((event) => (event.involvedObject as { name: string }).name === name)
      .map((event) => `${event.reason}: ${event.message}`);
  const eventOf = (name: string, text: string) =>
    until(() => events(name).some((line) => line.includes(text)), `event ${text}`);
  const get = (
    path: string,
    token = 'good',
    onData: () => void = () => undefined,
  ): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const req = request(
        {
          host: node.nodeIp,
          port: 10250,
          path,
          rejectUnauthorized: false,
          headers: { authorization: `Bearer ${token}` },
        },
        (res) => {
          let body = '';
          res.on('data', (chunk) => {
            body += chunk;
            onData();
          });
          res.on('end', () => resolve({ status: res.statusCode ?? 0, body }));
        },
      );
      req.on('error', reject);
      req.end();
    });
  const logs = async (name: string, query = '') => (await get(`/containerLogs/default/${name}/c${query}`)).body;

  it('runs a pod to its end, by restart policy', async () => {
    node.run('good', { restartPolicy: 'Never', containers: [sh('echo done >/dev/termination-log')] });
    node.run('bad', {
      restartPolicy: 'Never',
      containers: [sh('echo oops; exit 3', { terminationMessagePolicy: 'FallbackToLogsOnError' })],
    });
    node.run('retry', { restartPolicy: 'OnFailure', containers: [sh('exit 0')] });
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
    node.run('crash', { containers: [sh('echo run; exit 1')] });
    await until(() => status('crash')?.state?.waiting?.reason === 'CrashLoopBackOff', 'CrashLoopBackOff');
    const seen = status('crash');
    assert.equal(seen?.restartCount, 1);
    assert.match(
      seen?.state?.waiting?.message ?? '',
      /^back-off 10s restarting failed container=c pod=crash_default\(/,
    );
    assert.equal(seen?.lastState?.terminated?.exitCode, 1);
    assert.equal(node.pod('crash')?.status?.phase, 'Running');
    assert.equal(condition('crash', 'Ready')?.reason, 'ContainersNotReady');
    await eventOf('crash', 'BackOff: Back-off restarting failed container c in pod crash_default(');
    assert.equal(await logs('crash', '?previous=true'), 'run\n');
    await gone('crash');
  });

  it('runs init containers in order, then sidecars with the others', async () => {
    const init = (name: string, script: string, extra: object = {}) => ({ ...sh(script, extra), name });
    node.run('inits', {
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
    node.run('initfail', {
      restartPolicy: 'Never',
      initContainers: [{ ...sh('exit 7'), name: 'i' }],
      containers: [sh(forever)],
    });
    await phase('initfail', 'Failed');
    assert.equal(status('initfail', 'i')?.state?.terminated?.exitCode, 7);
    await gone('initfail');
  });

  it('gives containers their environment', async () => {
    node.api.put('configmaps', {
      metadata: { name: 'cm', namespace: 'default' },
      data: { KEY: 'from-map', other: 'x' },
    });
    node.api.put('secrets', {
      metadata: { name: 'sec', namespace: 'default' },
      data: { PASS: Buffer.from('s3cret').toString('base64') },
    });
    node.run('env', {
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
    const ip = node.pod('env')?.status?.podIP;
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
    assert.equal(node.pod('env')?.status?.qosClass, 'Guaranteed');
    await gone('env');
  });

  it('says what is missing, and starts when it comes', async () => {
    node.run('waits', {
      containers: [sh(forever, { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'late', key: 'k' } } }] })],
    });
    await until(
      () => status('waits')?.state?.waiting?.reason === 'CreateContainerConfigError',
      'CreateContainerConfigError',
    );
    assert.equal(status('waits')?.state?.waiting?.message, 'configmaps "late" not found');
    node.api.put('configmaps', { metadata: { name: 'late', namespace: 'default' }, data: { k: 'v' } });
    await ready('waits');
    await gone('waits');
  });

  it('mounts volumes and keeps them up to date', async () => {
    node.api.put('configmaps', { metadata: { name: 'live', namespace: 'default' }, data: { a: '1', b: '2' } });
    node.run(
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
          { name: 'host', hostPath: { path: join(node.dir, 'hostdir'), type: 'DirectoryOrCreate' } },
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
      const answer = await node.cri.execSync({ container_id: id, cmd: ['/bin/sh', '-c', command], timeout: 120 });
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
    const live = node.api.get('configmaps', 'default', 'live');
    node.api.put('configmaps', {
      ...live,
      metadata: { name: 'live', namespace: 'default' },
      data: { a: 'new', b: '2' },
    });
    await eventually(async () => assert.equal(await run('cat /cm/dir/a /tok/a'), 'newnew'));
    const folder = join(node.dir, 'kubelet/pods', node.pod('vols')?.metadata?.uid ?? '');
    assert.ok(existsSync(folder));
    await gone('vols');
    await until(() => !existsSync(folder), 'its folder to go');
  });

  it('probes', async () => {
    node.run('probed', {
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
      node.cri.execSync({
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
    node.run('net', {
      containers: [
        sh(`mkdir /www; echo hi >/www/index.html; httpd -p 8080 -h /www; ${forever}`, {
          ports: [{ name: 'web', containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/index.html', port: 'web' }, ...often },
          livenessProbe: { tcpSocket: { port: 8080 }, ...often },
        }),
      ],
    });
    await ready('net');
    node.run('deaf', {
      containers: [sh(forever, { readinessProbe: { httpGet: { path: '/', port: 81 }, ...often } })],
    });
    await eventOf('deaf', 'connect: connection refused');
    await Promise.all([gone('net'), gone('deaf')]);
  });

  it('terminates with hooks and grace', async () => {
    const hostdir = join(node.dir, 'hooks');
    mkdirSync(hostdir, { recursive: true });
    node.run('hooked', {
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
    node.run('stubborn', {
      terminationGracePeriodSeconds: 1,
      containers: [sh('trap "" TERM; while true; do sleep 0.2; done')],
    });
    await ready('stubborn');
    await gone('stubborn');
  });

  it('tells that a pod is no longer ready while it ends', async () => {
    const hostdir = join(node.dir, 'drain');
    mkdirSync(hostdir, { recursive: true });
    node.run('drained', {
      volumes: [{ name: 'h', hostPath: { path: hostdir } }],
      containers: [
        sh('touch /tmp/ready; trap "rm /tmp/ready" TERM; while [ ! -e /h/end ]; do sleep 0.1; done', {
          volumeMounts: [{ name: 'h', mountPath: '/h' }],
          readinessProbe: { exec: { command: ['cat', '/tmp/ready'] }, ...often, failureThreshold: 1 },
        }),
      ],
    });
    await ready('drained');
    node.api.deletePod('default', 'drained', 120);
    await until(() => condition('drained', 'Ready')?.status === 'False', 'not ready');
    assert.equal(status('drained')?.ready, false);
    assert.ok(status('drained')?.state?.running);
    writeFileSync(join(hostdir, 'end'), '');
    await until(() => !node.pod('drained'), 'it to go');
  });

  it('tells about images it cannot get', async () => {
    node.run('noimage', { containers: [{ name: 'c', image: 'localhost:1/none:1' }] });
    node.run('never', { containers: [{ name: 'c', image: 'none/here:1', imagePullPolicy: 'Never' }] });
    node.run('badname', { containers: [{ name: 'c', image: 'Bad' }] });
    await until(() => status('noimage')?.state?.waiting?.reason === 'ErrImagePull', 'ErrImagePull');
    await until(() => status('never')?.state?.waiting?.reason === 'ErrImageNeverPull', 'ErrImageNeverPull');
    await until(() => status('badname')?.state?.waiting?.reason === 'InvalidImageName', 'InvalidImageName');
    await eventOf('noimage', 'Failed: Failed to pull image "localhost:1/none:1"');
    await eventOf('noimage', 'Failed: Error: ErrImagePull');
    for (const name of ['noimage', 'never', 'badname']) await gone(name);
  });

  it('serves logs, exec and status on its own port', async () => {
    node.run('talk', { containers: [sh(`for i in 1 2 3 4 5; do echo line $i; done; echo err >&2; ${forever}`)] });
    await ready('talk');
    assert.equal((await get('/pods', 'wrong')).status, 401);
    assert.match((await get('/pods')).body, /"talk"/);
    await eventually(async () => assert.equal(await logs('talk', '?stream=Stderr'), 'err\n'));
    assert.equal(await logs('talk', '?limitBytes=8&stream=Stdout'), 'line 1\nl');
    assert.match(await logs('talk', '?timestamps=true&tailLines=1'), /^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00) \w+/);
    assert.equal((await get('/containerLogs/default/talk/c?tailLines=-1')).status, 422);
    assert.equal((await get('/containerLogs/default/talk/nope')).status, 404);
    let isFollowing = false;
    const follow = get('/containerLogs/default/talk/c?follow=true', 'good', () => {
      isFollowing = true;
    });
    await until(() => isFollowing, 'the log');
    await gone('talk', 1);
    assert.match((await follow).body, /line 1\n[\s\S]*line 5\n/);
    assert.match((await get('/metrics')).body, /kubelet_running_pods/);
    assert.equal((await get('/healthz')).body, 'ok');
    assert.match((await get('/logs/')).body, /^<pre>\n/);
    assert.equal((await get('/logs/%2e%2e%2flib/none')).status, 404);
    assert.equal((await get('/logs/%2e%2e%2f%2e%2e%2fetc%2fpasswd')).status, 404);
  });

  it('runs static pods with mirrors', async () => {
    const file = join(node.dir, 'manifests', 'static.yaml');
    const manifest = (script: string) =>
      `apiVersion: v1\nkind: Pod\nmetadata: { name: st }\nspec:\n  terminationGracePeriodSeconds: 1\n  containers: [{ name: c, image: "${testImage}", command: [sh, -c, '${script}'] }]\n`;
    writeFileSync(file, manifest('sleep 1001'));
    await ready('st-test-node');
    const first = node.pod('st-test-node')?.metadata?.uid;
    writeFileSync(file, manifest('sleep 1002'));
    await until(() => node.pod('st-test-node') && node.pod('st-test-node')?.metadata?.uid !== first, 'a new mirror');
    await ready('st-test-node');
    // Deleting the mirror does not stop the pod.
    node.api.deletePod('default', 'st-test-node', 0);
    await ready('st-test-node');
    assert.equal(status('st-test-node')?.restartCount, 0);
    rmSync(file);
    await until(() => !node.pod('st-test-node'), 'the mirror to go');
  });

  it('survives its own restart and that of the shim', async () => {
    node.run('stays', {
      containers: [sh(forever, { readinessProbe: { exec: { command: ['true'] }, ...often, periodSeconds: 60 } })],
    });
    node.run('leaves', { containers: [sh(forever)] });
    await ready('stays');
    await ready('leaves');
    const id = status('stays')?.containerID;
    await node.stopAgent('SIGKILL');
    node.api.deletePod('default', 'leaves', 0);
    await node.stopShim();
    await node.startShim();
    await node.startAgent();
    await eventually(async () => {
      const { items } = await node.cri.listPodSandbox({});
      assert.ok(items.every((item) => item.metadata?.name !== 'leaves'));
    });
    assert.equal(status('stays')?.containerID, id);
    assert.equal(status('stays')?.restartCount, 0);
    assert.equal(condition('stays', 'Ready')?.status, 'True');
    await gone('stays');
  });

  it('adds ephemeral containers to a running pod', async () => {
    const pod = node.run('debugged', { containers: [sh(forever)] });
    await ready('debugged');
    const current = node.pod('debugged') as V1Pod;
    node.api.put('pods', {
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
    node.run('late', { activeDeadlineSeconds: 1, containers: [sh(forever)] });
    await phase('late', 'Failed');
    assert.equal(node.pod('late')?.status?.reason, 'DeadlineExceeded');
    await gone('late');
  });

  it('refuses what does not fit', async () => {
    node.run('big', { containers: [sh(forever, { resources: { requests: { cpu: '1000' } } })] });
    await phase('big', 'Failed');
    assert.equal(node.pod('big')?.status?.reason, 'OutOfcpu');
    node.run('rootless', { securityContext: { runAsNonRoot: true }, containers: [sh(forever)] });
    await until(
      () => status('rootless')?.state?.waiting?.reason === 'CreateContainerConfigError',
      'CreateContainerConfigError',
    );
    assert.match(status('rootless')?.state?.waiting?.message ?? '', /image will run as root/);
    await gone('big');
    await gone('rootless');
  });

  it('tells what pods use', async () => {
    node.run('used', {
      volumes: [
        { name: 'disk', emptyDir: {} },
        { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
      ],
      containers: [sh(`while true; do sleep 0.05; done`, { resources: { limits: { memory: '32Mi' } } })],
    });
    await ready('used');
    await eventually(async () => {
      const summary = JSON.parse((await get('/stats/summary')).body);
      const pod = summary.pods.find((candidate: { podRef: { name: string } }) => candidate.podRef.name === 'used');
      assert.ok(pod.containers[0].memory.workingSetBytes > 0);
      assert.ok(pod.containers[0].cpu.usageNanoCores > 0);
      const volumes = pod.volume.map((volume: { name: string }) => volume.name).sort();
      assert.deepEqual(volumes, ['disk', 'mem']);
      const memory = pod.volume.find((volume: { name: string }) => volume.name === 'mem');
      assert.equal(memory.capacityBytes, 8 * 2 ** 20);
      assert.ok(summary.node.memory.workingSetBytes > 0);
    });
    await eventually(async () => {
      assert.match(
        (await get('/metrics/resource')).body,
        /pod_memory_working_set_bytes\{namespace="default",pod="used"\} \d+/,
      );
      assert.match((await get('/metrics/cadvisor')).body, /container_memory_working_set_bytes\{container="c"/);
    });
    await gone('used', 1);
  });

  it('changes resources in place', async () => {
    const limits = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
    node.run('resized', { containers: [sh(forever, { resources: limits('100m', '32Mi') })] });
    await ready('resized');
    const id = status('resized')?.containerID;
    const change = (cpu: string, memory: string) => {
      const current = node.pod('resized') as V1Pod;
      node.api.put('pods', {
        ...current,
        metadata: { ...current.metadata, name: 'resized', namespace: 'default' },
        spec: { ...current.spec, containers: [sh(forever, { resources: limits(cpu, memory) })] },
      });
    };
    change('200m', '64Mi');
    await eventually(async () => {
      const { status: now } = await node.cri.containerStatus({ container_id: id?.slice(9) ?? '' });
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

  it('says that a container ran out of memory', async () => {
    node.run('oom', {
      restartPolicy: 'Never',
      containers: [sh('tail /dev/zero', { resources: { limits: { memory: '16Mi' } } })],
    });
    await phase('oom', 'Failed');
    assert.equal(status('oom')?.state?.terminated?.reason, 'OOMKilled');
    await gone('oom');
  });

  it('evicts a pod that outgrows its emptyDir', async () => {
    node.run('fat', {
      volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }],
      containers: [
        sh(`dd if=/dev/zero of=/v/f bs=1M count=3; ${forever}`, { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      ],
    });
    await phase('fat', 'Failed');
    assert.equal(node.pod('fat')?.status?.reason, 'Evicted');
    assert.match(node.pod('fat')?.status?.message ?? '', /^Usage of EmptyDir volume "v" exceeds the limit "1Mi"/);
    await gone('fat');
  });

  it('rotates logs', async () => {
    await node.stopAgent('SIGTERM');
    await node.startAgent(['--container-log-max-size=100Ki', '--container-log-max-files=3']);
    node.run('chatty', { containers: [sh(`i=0; while true; do i=$((i+1)); echo $i; done`)] });
    await ready('chatty');
    const dir = join(node.dir, 'kubelet/pod-logs', `default_chatty_${node.pod('chatty')?.metadata?.uid}`, 'c');
    await until(() => readdirSync(dir).some((name) => name.endsWith('.gz')), 'a compressed log');
    await until(() => readdirSync(dir).length <= 4, 'no more logs than there may be, and one that is made');
    await gone('chatty', 1);
  });

  it('leaves nothing behind', async () => {
    await until(() => node.api.list('pods').length === 0, 'no pods');
    await until(() => {
      try {
        return execFileSync('ls', [join(node.dir, 'kubelet/pods')]).toString() === '';
      } catch {
        return true;
      }
    }, 'no pod folders');
    await eventually(async () => assert.equal((await node.cri.listPodSandbox({})).items.length, 0));
  });
});
