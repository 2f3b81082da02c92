import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { forever, NodeSuite, often, sh } from './testing/node-suite.js';
import { eventually, testImage, until } from './testing/test-node.js';

describe('the agent of a node', () => {
  const suite = new NodeSuite();
  const { status, condition, ready, gone, get, logs } = suite;

  it('serves logs, exec and status on its own port', async () => {
    suite.node.run('talk', { containers: [sh(`for i in 1 2 3 4 5; do echo line $i; done; echo err >&2; ${forever}`)] });
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
    const file = join(suite.node.dir, 'manifests', 'static.yaml');
    const manifest = (script: string) =>
      `apiVersion: v1\nkind: Pod\nmetadata: { name: st }\nspec:\n  terminationGracePeriodSeconds: 1\n  containers: [{ name: c, image: "${testImage}", command: [sh, -c, '${script}'] }]\n`;
    writeFileSync(file, manifest('sleep 1001'));
    await ready('st-test-node');
    const first = suite.node.pod('st-test-node')?.metadata?.uid;
    writeFileSync(file, manifest('sleep 1002'));
    await until(
      () => suite.node.pod('st-test-node') && suite.node.pod('st-test-node')?.metadata?.uid !== first,
      'a new mirror',
    );
    await ready('st-test-node');
    // Deleting the mirror does not stop the pod.
    suite.node.api.deletePod('default', 'st-test-node', 0);
    await ready('st-test-node');
    assert.equal(status('st-test-node')?.restartCount, 0);
    rmSync(file);
    await until(() => !suite.node.pod('st-test-node'), 'the mirror to go');
  });

  it('survives its own restart and that of the shim', async () => {
    suite.node.run('stays', {
      containers: [sh(forever, { readinessProbe: { exec: { command: ['true'] }, ...often, periodSeconds: 60 } })],
    });
    suite.node.run('leaves', { containers: [sh(forever)] });
    await ready('stays');
    await ready('leaves');
    const id = status('stays')?.containerID;
    await suite.node.stopAgent('SIGKILL');
    suite.node.api.deletePod('default', 'leaves', 0);
    await suite.node.stopShim();
    await suite.node.startShim();
    await suite.node.startAgent();
    await eventually(async () => {
      const { items } = await suite.node.cri.listPodSandbox({});
      assert.ok(items.every((item) => item.metadata?.name !== 'leaves'));
    });
    assert.equal(status('stays')?.containerID, id);
    assert.equal(status('stays')?.restartCount, 0);
    assert.equal(condition('stays', 'Ready')?.status, 'True');
    await gone('stays');
  });

  it('tells what pods use', async () => {
    suite.node.run('used', {
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

  it('rotates logs', async () => {
    await suite.node.stopAgent('SIGTERM');
    await suite.node.startAgent(['--container-log-max-size=100Ki', '--container-log-max-files=3']);
    suite.node.run('chatty', { containers: [sh(`i=0; while true; do i=$((i+1)); echo $i; done`)] });
    await ready('chatty');
    const dir = join(
      suite.node.dir,
      'kubelet/pod-logs',
      `default_chatty_${suite.node.pod('chatty')?.metadata?.uid}`,
      'c',
    );
    await until(() => readdirSync(dir).some((name) => name.endsWith('.gz')), 'a compressed log');
    await until(() => readdirSync(dir).length <= 4, 'no more logs than there may be, and one that is made');
    await gone('chatty', 1);
  });

  suite.leavesNothingBehind();
});
