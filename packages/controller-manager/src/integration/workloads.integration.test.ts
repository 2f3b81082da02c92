import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Job, V1Pod } from '@kubelab/api';
import { gvr } from '@kubelab/client';
import { notReadyAnnotation } from './fake-nodes.js';
import { type Any, eventually, namespace, TestCluster, template, workload } from './test-cluster.js';

const cluster = new TestCluster();
const { api, find, gone, podsOf, statusOf } = cluster;

test('deployment: roll out, scale, update, orphan its sets, collect its pods', async () => {
  await api(gvr.deployments).create(workload('apps/v1', 'Deployment', 'dep', { replicas: 3 }));
  await eventually('3 available', async () => (await statusOf(gvr.deployments, 'dep')).availableReplicas === 3);
  const patch = { spec: { replicas: 4, template: template('dep', { version: '2' }) } };
  await api(gvr.deployments).patch('dep', patch, { type: 'strategic' });
  await eventually('4 updated', async () => {
    const status = await statusOf(gvr.deployments, 'dep');
    return status.updatedReplicas === 4 && status.replicas === 4 && status.availableReplicas === 4;
  });
  const deployment = await find(gvr.deployments, 'dep');
  assert.equal(deployment?.metadata?.annotations?.['deployment.kubernetes.io/revision'], '2');
  const sets = (await api(gvr.replicasets).list({ labelSelector: 'app=dep' })).items;
  assert.equal(sets.length, 2);
  await api(gvr.deployments).delete('dep', { propagationPolicy: 'Orphan' });
  await gone(gvr.deployments, 'dep');
  const orphans = (await api(gvr.replicasets).list({ labelSelector: 'app=dep' })).items;
  assert.equal(orphans.length, 2);
  for (const set of orphans)
    await api(gvr.replicasets).delete(set.metadata?.name ?? '', { propagationPolicy: 'Foreground' });
  await eventually('no pods', async () => (await podsOf('dep')).length === 0);
});

test('deployment: a rollout that does not get on is called so, and can be undone', async () => {
  await api(gvr.deployments).create(
    workload('apps/v1', 'Deployment', 'stuck', { replicas: 2, progressDeadlineSeconds: 2 }),
  );
  await eventually('2 available', async () => (await statusOf(gvr.deployments, 'stuck')).availableReplicas === 2);
  const broken = template('stuck', { version: 'broken' });
  broken.metadata = { ...broken.metadata, annotations: { [notReadyAnnotation]: '' } };
  await api(gvr.deployments).patch('stuck', { spec: { template: broken } }, { type: 'strategic' });
  await eventually('the deadline', async () => {
    const { conditions, availableReplicas } = await statusOf(gvr.deployments, 'stuck');
    const progressing = (conditions as { type: string; reason: string }[] | undefined)?.find(
      ({ type }) => type === 'Progressing',
    );
    return progressing?.reason === 'ProgressDeadlineExceeded' && availableReplicas === 2;
  });
  const good = { ...template('stuck'), metadata: { labels: { app: 'stuck' }, annotations: { $patch: 'replace' } } };
  await api(gvr.deployments).patch('stuck', { spec: { template: good } }, { type: 'strategic' });
  await eventually('the old version in full', async () => {
    const { updatedReplicas, replicas, availableReplicas } = await statusOf(gvr.deployments, 'stuck');
    return updatedReplicas === 2 && replicas === 2 && availableReplicas === 2;
  });
  assert.equal(
    (await find(gvr.deployments, 'stuck'))?.metadata?.annotations?.['deployment.kubernetes.io/revision'],
    '3',
  );
  assert.equal((await api(gvr.replicasets).list({ labelSelector: 'app=stuck' })).items.length, 2);
  await api(gvr.deployments).delete('stuck', { propagationPolicy: 'Background' });
});

test('replica set: a deleted pod is replaced, an orphan adopted, a relabelled one released', async () => {
  await api(gvr.pods).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'stray', labels: { app: 'rs' } },
    spec: { containers: [{ name: 'main', image: 'x' }] },
  });
  // The controller, which watches pods and sets apart, knows of it before the set asks for two.
  await eventually('the stray to run', async () => (await statusOf(gvr.pods, 'stray')).phase === 'Running');
  await api(gvr.replicasets).create(workload('apps/v1', 'ReplicaSet', 'rs', { replicas: 2 }));
  await eventually('2 ready', async () => (await statusOf(gvr.replicasets, 'rs')).readyReplicas === 2);
  await eventually('the stray and another one', async () => {
    const owned = (await podsOf('rs')).filter(({ metadata }) => metadata?.ownerReferences?.length);
    return owned.length === 2 && owned.some(({ metadata }) => metadata?.name === 'stray');
  });
  await api(gvr.pods).patch('stray', { metadata: { labels: { app: 'else' } } }, { type: 'merge' });
  await eventually('the stray to be released and replaced', async () => {
    const stray = (await cluster.client.resource<V1Pod>(gvr.pods).namespace(namespace).get('stray')).metadata;
    return !stray?.ownerReferences?.length && (await podsOf('rs')).length === 2;
  });
  await api(gvr.replicasets).delete('rs', { propagationPolicy: 'Background' });
  await eventually('no pods', async () => (await podsOf('rs')).length === 0);
});

test('job: completes, fails at its limit, and leaves no finalizer behind', async () => {
  const job = (name: string, exitCode: number, spec: Record<string, unknown>): Any => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { template: template(name, { exitCode, restartPolicy: 'Never' }), ...spec },
  });
  const condition = async (name: string): Promise<string | undefined> => {
    const conditions = (await statusOf(gvr.jobs, name)).conditions as
      | { type: string; status: string; reason: string }[]
      | undefined;
    return conditions?.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True')?.reason;
  };
  await api(gvr.jobs).create(job('good', 0, { completions: 4, parallelism: 2 }));
  await api(gvr.jobs).create(job('bad', 1, { backoffLimit: 0 }));
  await api(gvr.jobs).create(job('indexed', 0, { completions: 3, parallelism: 3, completionMode: 'Indexed' }));
  await api(gvr.jobs).create(job('brief', 0, { ttlSecondsAfterFinished: 0 }));
  await eventually('good to complete', async () => (await condition('good')) === 'CompletionsReached');
  await eventually('bad to fail', async () => (await condition('bad')) === 'BackoffLimitExceeded');
  await eventually('indexed to complete', async () => (await condition('indexed')) === 'CompletionsReached');
  await gone(gvr.jobs, 'brief');
  const good = (await statusOf(gvr.jobs, 'good')) as V1Job['status'];
  assert.equal(good?.succeeded, 4);
  assert.ok(good?.completionTime);
  assert.equal((await statusOf(gvr.jobs, 'bad')).failed, 1);
  assert.equal((await statusOf(gvr.jobs, 'indexed')).completedIndexes, '0-2');
  for (const pod of [...(await podsOf('good')), ...(await podsOf('bad'))])
    assert.deepEqual(pod.metadata?.finalizers ?? [], []);
  for (const name of ['good', 'bad', 'indexed']) await api(gvr.jobs).delete(name, { propagationPolicy: 'Background' });
  await eventually('no pods', async () => (await podsOf('good')).length === 0);
});

test('job: a pod deleted with its job is let go', async () => {
  const spec = { template: template('running', { restartPolicy: 'Never' }) };
  await api(gvr.jobs).create({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'running' }, spec });
  await eventually('a running pod', async () => (await statusOf(gvr.jobs, 'running')).ready === 1);
  await api(gvr.jobs).delete('running', { propagationPolicy: 'Background' });
  await eventually('no pods', async () => (await podsOf('running')).length === 0);
});

test('cron job: creates a job a minute, suspended none', async () => {
  const spec = {
    schedule: '* * * * *',
    jobTemplate: { spec: { template: template('cron', { exitCode: 0, restartPolicy: 'Never' }) } },
  };
  // Created a while ago as far as the schedule is concerned: no need to wait for the minute.
  await api(gvr.cronjobs).create({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'cron' },
    spec: { ...spec, suspend: true },
  });
  const cron = (await find(gvr.cronjobs, 'cron')) as Any;
  const lastScheduleTime = new Date(Date.now() - 120_000).toISOString().replace(/\.\d+Z/, 'Z');
  await api(gvr.cronjobs).updateStatus({ ...cron, status: { lastScheduleTime } });
  assert.equal((await api(gvr.jobs).list()).items.filter((j) => j.metadata?.name?.startsWith('cron-')).length, 0);
  await api(gvr.cronjobs).patch('cron', { spec: { suspend: false } }, { type: 'merge' });
  await eventually('a job', async () =>
    (await api(gvr.jobs).list()).items.some((j) => j.metadata?.name?.startsWith('cron-')),
  );
  await eventually('its success', async () => (await statusOf(gvr.cronjobs, 'cron')).lastSuccessfulTime !== undefined);
  await api(gvr.cronjobs).delete('cron', { propagationPolicy: 'Foreground' });
  await gone(gvr.cronjobs, 'cron');
});

test('stateful set: in order, with claims, rolling update from the top', async () => {
  const claim = {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  };
  await api(gvr.statefulsets).create(
    workload('apps/v1', 'StatefulSet', 'sts', { replicas: 3, serviceName: 'sts', volumeClaimTemplates: [claim] }),
  );
  await eventually('3 ready', async () => (await statusOf(gvr.statefulsets, 'sts')).readyReplicas === 3);
  assert.deepEqual((await podsOf('sts')).map((p) => p.metadata?.name).sort(), ['sts-0', 'sts-1', 'sts-2']);
  assert.ok(await find(gvr.persistentvolumeclaims, 'data-sts-2'));
  await api(gvr.statefulsets).patch(
    'sts',
    { spec: { template: template('sts', { version: '2' }) } },
    { type: 'strategic' },
  );
  await eventually('the update', async () => {
    const status = await statusOf(gvr.statefulsets, 'sts');
    return (
      status.updatedReplicas === 3 && status.readyReplicas === 3 && status.currentRevision === status.updateRevision
    );
  });
  await api(gvr.statefulsets).patch('sts', { spec: { replicas: 1 } }, { type: 'merge' });
  await eventually('1 pod', async () => (await podsOf('sts')).length === 1);
  assert.ok(await find(gvr.pods, 'sts-0'));
  await api(gvr.statefulsets).delete('sts');
  await eventually('no pods', async () => (await podsOf('sts')).length === 0);
});

test('daemon set: a pod on each node, replaced by a rolling update', async () => {
  await api(gvr.daemonsets).create(workload('apps/v1', 'DaemonSet', 'ds', {}));
  await eventually('3 ready', async () => (await statusOf(gvr.daemonsets, 'ds')).numberReady === 3);
  assert.deepEqual((await podsOf('ds')).map((p) => p.spec?.nodeName).sort(), ['node-a', 'node-b', 'node-c']);
  await api(gvr.daemonsets).patch(
    'ds',
    { spec: { template: template('ds', { version: '2' }) } },
    { type: 'strategic' },
  );
  await eventually('the update', async () => {
    const status = await statusOf(gvr.daemonsets, 'ds');
    return status.updatedNumberScheduled === 3 && status.numberAvailable === 3;
  });
  await api(gvr.daemonsets).patch(
    'ds',
    { spec: { template: { spec: { nodeSelector: { 'kubernetes.io/hostname': 'node-b' } } } } },
    { type: 'strategic' },
  );
  await eventually('1 pod', async () => (await podsOf('ds')).length === 1);
  await api(gvr.daemonsets).delete('ds');
  await eventually('no pods', async () => (await podsOf('ds')).length === 0);
});

test('jobs: failure policy, limit an index, suspension', async () => {
  const job = (name: string, exitCode: number | undefined, spec: Record<string, unknown>): Any => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { template: template(name, { exitCode, restartPolicy: 'Never' }), ...spec },
  });
  const failed = async (name: string): Promise<string | undefined> => {
    const conditions = (await statusOf(gvr.jobs, name)).conditions as { type: string; reason: string }[] | undefined;
    return conditions?.find(({ type }) => type === 'Failed')?.reason;
  };
  const rules = [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }];
  await api(gvr.jobs).create(job('policy', 42, { podFailurePolicy: { rules } }));
  await api(gvr.jobs).create(
    job('per-index', 1, { completions: 2, parallelism: 2, completionMode: 'Indexed', backoffLimitPerIndex: 0 }),
  );
  await api(gvr.jobs).create(job('paused', undefined, { suspend: true, parallelism: 2, completions: 2 }));
  await eventually('the policy', async () => (await failed('policy')) === 'PodFailurePolicy');
  await eventually('the indexes', async () => (await failed('per-index')) === 'FailedIndexes');
  assert.equal((await statusOf(gvr.jobs, 'per-index')).failedIndexes, '0,1');
  assert.equal((await podsOf('paused')).length, 0);
  await api(gvr.jobs).patch('paused', { spec: { suspend: false } }, { type: 'merge' });
  await eventually('two running', async () => (await statusOf(gvr.jobs, 'paused')).ready === 2);
  await api(gvr.jobs).patch('paused', { spec: { suspend: true } }, { type: 'merge' });
  await eventually('none running', async () => (await podsOf('paused')).length === 0);
  for (const name of ['policy', 'per-index', 'paused'])
    await api(gvr.jobs).delete(name, { propagationPolicy: 'Background' });
});
