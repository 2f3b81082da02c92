import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CoreV1Event, V1Job, V1Pod, V1PodTemplateSpec } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { type ApiObject, type Gvr, gvr, waitFor } from '@kubelab/client';
import { createCsr } from '@kubelab/pki';
import { type Environment, startEnvironment } from './environment.js';
import { exitCodeAnnotation, FakeNodes, notReadyAnnotation } from './fake-nodes.js';

/** A killed controller manager is followed by another one only when its lease of 15 s has run out. */
const timeoutMs = 180_000;
const namespace = 'default';
let env: Environment;
let nodes: FakeNodes;
const stopNodes = new AbortController();

before(async () => {
  env = await startEnvironment(['--node-monitor-grace-period=6s', '--node-monitor-period=500ms']);
  nodes = new FakeNodes(env.client, ['node-a', 'node-b', 'node-c']);
  await nodes.start(stopNodes.signal);
});

after(async () => {
  stopNodes.abort();
  await env?.stop();
});

type Any = ApiObject & {
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  data?: Record<string, string>;
};

const api = (resource: Gvr, ns: string | undefined = namespace) =>
  ns === undefined ? env.client.resource<Any>(resource) : env.client.resource<Any>(resource).namespace(ns);

async function find(resource: Gvr, name: string, ns?: string): Promise<Any | undefined> {
  try {
    return await (ns === '' ? env.client.resource<Any>(resource) : api(resource, ns)).get(name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function eventually(what: string, condition: () => Promise<unknown>): Promise<void> {
  await waitFor(what, async () => Boolean(await condition()), { timeoutMs });
}

const gone = (resource: Gvr, name: string, ns?: string): Promise<void> =>
  eventually(`${resource.resource} ${name} to be gone`, async () => (await find(resource, name, ns)) === undefined);

const podsOf = async (app: string): Promise<V1Pod[]> =>
  (
    await env.client
      .resource<V1Pod>(gvr.pods)
      .namespace(namespace)
      .list({ labelSelector: `app=${app}` })
  ).items;

/** Nothing while its controller has not seen the object as it is: what the status says is of before the last change. */
const statusOf = async (resource: Gvr, name: string): Promise<Record<string, unknown>> => {
  const { metadata, status = {} } = (await find(resource, name)) ?? {};
  const observed = status.observedGeneration as number | undefined;
  return observed !== undefined && observed < (metadata?.generation ?? 0) ? {} : status;
};

function template(
  app: string,
  extra: { exitCode?: number; version?: string; restartPolicy?: string } = {},
): V1PodTemplateSpec {
  return {
    metadata: {
      labels: { app },
      annotations: extra.exitCode === undefined ? {} : { [exitCodeAnnotation]: String(extra.exitCode) },
    },
    spec: {
      restartPolicy: extra.restartPolicy,
      containers: [{ name: 'main', image: `test:${extra.version ?? '1'}` }],
      terminationGracePeriodSeconds: 1,
    },
  };
}

function workload(apiVersion: string, kind: string, name: string, spec: Record<string, unknown>): Any {
  const selector = { matchLabels: { app: name } };
  return { apiVersion, kind, metadata: { name }, spec: { selector, template: template(name), ...spec } };
}

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
    const stray = (await env.client.resource<V1Pod>(gvr.pods).namespace(namespace).get('stray')).metadata;
    return !stray?.ownerReferences?.length && (await podsOf('rs')).length === 2;
  });
  await api(gvr.replicasets).delete('rs', { propagationPolicy: 'Background' });
  await eventually('no pods', async () => (await podsOf('rs')).length === 0);
});

test('service: endpoints and slices follow the pods', async () => {
  const spec = { selector: { app: 'svc' }, ports: [{ port: 80, targetPort: 8080 }] };
  await api(gvr.services).create({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'svc' }, spec });
  await api(gvr.replicasets).create(workload('apps/v1', 'ReplicaSet', 'svc', { replicas: 2 }));
  const slices = async (): Promise<{ endpoints?: { conditions?: { ready?: boolean } }[] }[]> =>
    (await api(gvr.endpointslices).list({ labelSelector: 'kubernetes.io/service-name=svc' })).items as never;
  await eventually('2 endpoints', async () => {
    const [slice] = await slices();
    const subsets = (await find(gvr.endpoints, 'svc')) as { subsets?: { addresses?: unknown[] }[] } | undefined;
    return (
      slice?.endpoints?.filter((e) => e.conditions?.ready).length === 2 &&
      subsets?.subsets?.[0]?.addresses?.length === 2
    );
  });
  await api(gvr.replicasets).patch('svc', { spec: { replicas: 0 } }, { type: 'merge' });
  await eventually('no endpoints', async () => {
    const subsets = (await find(gvr.endpoints, 'svc')) as { subsets?: unknown[] } | undefined;
    return (await slices()).every((s) => !s.endpoints?.length) && !subsets?.subsets?.length;
  });
  await api(gvr.services).delete('svc');
  await eventually('no slices', async () => (await slices()).length === 0);
  await api(gvr.replicasets).delete('svc');
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

test('disruption budget and quota count', async () => {
  await api(gvr.replicasets).create(workload('apps/v1', 'ReplicaSet', 'pdb', { replicas: 3 }));
  await api(gvr.poddisruptionbudgets).create({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'pdb' },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'pdb' } } },
  });
  await eventually('1 allowed', async () => (await statusOf(gvr.poddisruptionbudgets, 'pdb')).disruptionsAllowed === 1);
  await api(gvr.resourcequotas).create({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'quota' },
    spec: { hard: { 'count/replicasets.apps': '99', pods: '99' } },
  });
  await eventually('usage', async () => {
    const used = (await statusOf(gvr.resourcequotas, 'quota')).used as Record<string, string> | undefined;
    return Number(used?.pods) >= 3 && Number(used?.['count/replicasets.apps']) >= 1;
  });
  await api(gvr.resourcequotas).delete('quota');
  await api(gvr.poddisruptionbudgets).delete('pdb');
  await api(gvr.replicasets).delete('pdb');
});

test('volumes: bind, protect, release', async () => {
  const spec = {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    hostPath: { path: '/tmp/x' },
    storageClassName: 'manual',
    persistentVolumeReclaimPolicy: 'Retain',
  };
  await env.client
    .resource<Any>(gvr.persistentvolumes)
    .create({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'pv' }, spec });
  const claim = {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'manual',
    resources: { requests: { storage: '500Mi' } },
  };
  await api(gvr.persistentvolumeclaims).create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'claim' },
    spec: claim,
  });
  await eventually(
    'a bound claim',
    async () => (await statusOf(gvr.persistentvolumeclaims, 'claim')).phase === 'Bound',
  );
  assert.deepEqual((await statusOf(gvr.persistentvolumeclaims, 'claim')).capacity, { storage: '1Gi' });
  await api(gvr.persistentvolumeclaims).delete('claim');
  await gone(gvr.persistentvolumeclaims, 'claim');
  await eventually(
    'a released volume',
    async () => (await find(gvr.persistentvolumes, 'pv', ''))?.status?.phase === 'Released',
  );
  await env.client.resource<Any>(gvr.persistentvolumes).delete('pv');
  await gone(gvr.persistentvolumes, 'pv', '');
});

test('namespace: its content goes before it does', async () => {
  await env.client
    .resource<Any>(gvr.namespaces)
    .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'temp' } });
  await eventually('a service account', () => find(gvr.serviceaccounts, 'default', 'temp'));
  await eventually('the CA', () => find(gvr.configmaps, 'kube-root-ca.crt', 'temp'));
  await api(gvr.deployments, 'temp').create(workload('apps/v1', 'Deployment', 'd', { replicas: 2 }));
  await env.client.resource<Any>(gvr.namespaces).delete('temp');
  await gone(gvr.namespaces, 'temp', '');
});

test('a ServiceCIDR is protected, and stays while a Service has an address of it alone', async () => {
  await api(gvr.servicecidrs, '').create({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'extra' },
    spec: { cidrs: ['10.40.0.0/24'] },
  });
  const ready = async () => {
    const conditions = ((await find(gvr.servicecidrs, 'extra', ''))?.status?.conditions ?? []) as {
      [key: string]: string;
    }[];
    return conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`).join();
  };
  await eventually('the range to be ready', async () => (await ready()) === 'Ready=True ');
  assert.deepEqual((await find(gvr.servicecidrs, 'extra', ''))?.metadata?.finalizers, [
    'networking.k8s.io/service-cidr-finalizer',
  ]);
  const service = workload('v1', 'Service', 'extra-range', {});
  service.spec = { clusterIP: '10.40.0.9', ports: [{ port: 80 }] };
  await api(gvr.services).create(service);
  await api(gvr.servicecidrs, '').delete('extra');
  await eventually('the range to wait', async () => (await ready()) === 'Ready=False Terminating');
  await api(gvr.services).delete('extra-range');
  // It goes some seconds later: a test further below looks.
});

test('certificates: a node joining by bootstrap token gets one without being asked twice', async () => {
  await env.client
    .resource<Any>({ group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterrolebindings' })
    .create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'approve-admins-nodes' },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: 'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
      },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:masters' }],
    } as Any);
  const { csrPem } = await createCsr({ commonName: 'system:node:node-x', organizations: ['system:nodes'] });
  await env.client.resource<Any>(gvr.certificatesigningrequests).create({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'csr' },
    spec: {
      request: Buffer.from(csrPem).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['client auth', 'digital signature'],
    },
  });
  await eventually(
    'a certificate',
    async () => (await find(gvr.certificatesigningrequests, 'csr', ''))?.status?.certificate,
  );
});

test('tokens: a secret is filled; cluster-info is signed by a bootstrap token', async () => {
  await api(gvr.secrets).create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'sa-token', annotations: { 'kubernetes.io/service-account.name': 'default' } },
    type: 'kubernetes.io/service-account-token',
  } as Any);
  await eventually('a token', async () => (await find(gvr.secrets, 'sa-token'))?.data?.token);
  await api(gvr.configmaps, 'kube-public').create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cluster-info' },
    data: { kubeconfig: 'x' },
  });
  const stringData = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true' };
  await api(gvr.secrets, 'kube-system').create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    stringData,
  } as Any);
  await eventually(
    'a signature',
    async () => (await find(gvr.configmaps, 'cluster-info', 'kube-public'))?.data?.['jws-kubeconfig-abcdef'],
  );
});

test('garbage collection reaches custom resources', async () => {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  await env.client.resource<Any>(gvr.customresourcedefinitions).create({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.test.kubelab.io' },
    spec: {
      group: 'test.kubelab.io',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
  const widgets: Gvr = { group: 'test.kubelab.io', version: 'v1', resource: 'widgets' };
  await eventually('the kind', async () => {
    try {
      return await api(widgets).list();
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  });
  const owner = await api(gvr.configmaps).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owner' } });
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata?.uid }];
  await api(widgets).create({
    apiVersion: 'test.kubelab.io/v1',
    kind: 'Widget',
    metadata: { name: 'w', ownerReferences },
  } as Any);
  await api(gvr.configmaps).delete('owner');
  await gone(widgets, 'w');
});

const configMap = async (name: string, owners: Any[] = []): Promise<Any> =>
  api(gvr.configmaps).create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name,
      ownerReferences: owners.map((owner) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: owner.metadata?.name,
        uid: owner.metadata?.uid,
        blockOwnerDeletion: true,
      })),
    },
  } as Any);

test('foreground deletion: a circle of owners goes, a dependent with another owner stays', async () => {
  const [a, b] = [await configMap('circle-a'), await configMap('circle-b')];
  for (const [object, owner] of [
    [a, b],
    [b, a],
  ] as const) {
    const reference = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: owner.metadata?.name,
      uid: owner.metadata?.uid,
      blockOwnerDeletion: true,
    };
    await api(gvr.configmaps).patch(
      object.metadata?.name ?? '',
      { metadata: { ownerReferences: [reference] } },
      { type: 'merge' },
    );
  }
  await api(gvr.configmaps).delete('circle-a', { propagationPolicy: 'Foreground' });
  await gone(gvr.configmaps, 'circle-a');
  await gone(gvr.configmaps, 'circle-b');
  const [going, staying] = [await configMap('going'), await configMap('staying')];
  await configMap('shared', [going, staying]);
  await api(gvr.configmaps).delete('going', { propagationPolicy: 'Foreground' });
  await gone(gvr.configmaps, 'going');
  const shared = (await find(gvr.configmaps, 'shared')) as
    | { metadata?: { ownerReferences?: { name: string }[] } }
    | undefined;
  assert.deepEqual(
    shared?.metadata?.ownerReferences?.map(({ name }) => name),
    ['staying'],
  );
});

test('endpoints written by hand are mirrored into slices', async () => {
  await api(gvr.services).create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'manual' },
    spec: { ports: [{ port: 80 }] },
  });
  const subsets = [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 8080 }] }];
  await api(gvr.endpoints).create({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'manual' },
    subsets,
  } as Any);
  const mirrored = async (): Promise<(string | undefined)[]> => {
    const list = await api(gvr.endpointslices).list({ labelSelector: 'kubernetes.io/service-name=manual' });
    return list.items.flatMap((s) =>
      ((s as unknown as { endpoints?: { addresses: string[] }[] }).endpoints ?? []).map((e) => e.addresses[0]),
    );
  };
  await eventually('a mirrored address', async () => (await mirrored()).join() === '10.1.2.3');
  await api(gvr.endpoints).patch(
    'manual',
    { subsets: [{ ...subsets[0], addresses: [{ ip: '10.1.2.4' }] }] },
    { type: 'merge' },
  );
  await eventually('the change', async () => (await mirrored()).join() === '10.1.2.4');
  const addresses = Array.from({ length: 1001 }, (_, i) => ({ ip: `10.2.${i >> 8}.${i & 255}` }));
  await api(gvr.endpoints).patch('manual', { subsets: [{ ...subsets[0], addresses }] }, { type: 'merge' });
  await eventually('as many as may be mirrored', async () => (await mirrored()).length === 1000);
  const tooMany = { fieldSelector: 'involvedObject.kind=Endpoints,involvedObject.name=manual' };
  await eventually('what was left out to be told', async () => {
    const { items } = await env.client.resource<CoreV1Event>(gvr.events).namespace(namespace).list(tooMany);
    return items.some(
      (e) => e.reason === 'TooManyAddressesToMirror' && e.message?.endsWith('. 1 addresses were skipped'),
    );
  });
  await api(gvr.endpoints).delete('manual');
  await eventually('no slice', async () => (await mirrored()).length === 0);
  await api(gvr.services).delete('manual');
});

test('a taint by hand: pods that do not tolerate it go, others after their time', async () => {
  const bound = (name: string, tolerations: unknown[]): Any => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: 'node-b',
      containers: [{ name: 'main', image: 'x' }],
      terminationGracePeriodSeconds: 1,
      tolerations,
    },
  });
  await api(gvr.pods).create(bound('intolerant', []));
  await api(gvr.pods).create(
    bound('patient', [{ key: 'test', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3600 }]),
  );
  await eventually('both to run', async () => {
    const phases = [await statusOf(gvr.pods, 'intolerant'), await statusOf(gvr.pods, 'patient')].map(
      ({ phase }) => phase,
    );
    return phases.every((phase) => phase === 'Running');
  });
  await env.client
    .resource<Any>(gvr.nodes)
    .patch('node-b', { spec: { taints: [{ key: 'test', effect: 'NoExecute' }] } }, { type: 'merge' });
  await gone(gvr.pods, 'intolerant');
  assert.equal((await find(gvr.pods, 'patient'))?.metadata?.deletionTimestamp, undefined);
  await env.client.resource<Any>(gvr.nodes).patch('node-b', { spec: { taints: null } }, { type: 'merge' });
  await api(gvr.pods).delete('patient');
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

test('a silent node: Unknown, tainted, its pods out of service and given up; and back', async () => {
  const tolerations = [
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
  ];
  const podTemplate = template('lost');
  podTemplate.spec = { ...podTemplate.spec, containers: podTemplate.spec?.containers ?? [], tolerations };
  await api(gvr.replicasets).create(workload('apps/v1', 'ReplicaSet', 'lost', { replicas: 3, template: podTemplate }));
  await eventually('3 ready', async () => (await statusOf(gvr.replicasets, 'lost')).readyReplicas === 3);
  nodes.silence('node-c');
  await eventually('the taint', async () => {
    const node = await find(gvr.nodes, 'node-c', '');
    const taints = (node?.spec?.taints ?? []) as { key: string; effect: string }[];
    return taints.some((t) => t.key === 'node.kubernetes.io/unreachable' && t.effect === 'NoExecute');
  });
  await eventually('replacements elsewhere', async () => {
    const pods = await podsOf('lost');
    return pods.filter((p) => p.spec?.nodeName !== 'node-c' && p.status?.phase === 'Running').length === 3;
  });
  nodes.wake('node-c');
});

test('a ServiceCIDR that waited goes when its last address is free', async () => {
  await gone(gvr.servicecidrs, 'extra', '');
});

for (const process of ['controller-manager', 'apiserver', 'etcd'] as const) {
  test(`${process} killed in the middle of a rollout: it goes on, and nothing is lost`, async () => {
    const name = `crash-${process}`;
    await api(gvr.deployments).create(workload('apps/v1', 'Deployment', name, { replicas: 5 }));
    await env.restart(process);
    await eventually('5 available', async () => (await statusOf(gvr.deployments, name)).availableReplicas === 5);
    // One whose creation was not answered may have been made once more.
    await eventually('5 pods', async () => (await podsOf(name)).length === 5);
    await api(gvr.deployments).delete(name, { propagationPolicy: 'Foreground' });
    await gone(gvr.deployments, name);
  });
}
