import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreV1Event } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { type Gvr, gvr } from '@kubelab/client';
import { createCsr } from '@kubelab/pki';
import { type Any, eventually, namespace, TestCluster, workload } from './test-cluster.js';

const cluster = new TestCluster();
const { api, find, gone, statusOf } = cluster;

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
  await cluster.client
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
  await cluster.client.resource<Any>(gvr.persistentvolumes).delete('pv');
  await gone(gvr.persistentvolumes, 'pv', '');
});

test('namespace: its content goes before it does', async () => {
  await cluster.client
    .resource<Any>(gvr.namespaces)
    .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'temp' } });
  await eventually('a service account', () => find(gvr.serviceaccounts, 'default', 'temp'));
  await eventually('the CA', () => find(gvr.configmaps, 'kube-root-ca.crt', 'temp'));
  await api(gvr.deployments, 'temp').create(workload('apps/v1', 'Deployment', 'd', { replicas: 2 }));
  await cluster.client.resource<Any>(gvr.namespaces).delete('temp');
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
  await cluster.client
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
  await cluster.client.resource<Any>(gvr.certificatesigningrequests).create({
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
  await cluster.client.resource<Any>(gvr.customresourcedefinitions).create({
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
    const { items } = await cluster.client.resource<CoreV1Event>(gvr.events).namespace(namespace).list(tooMany);
    return items.some(
      (e) => e.reason === 'TooManyAddressesToMirror' && e.message?.endsWith('. 1 addresses were skipped'),
    );
  });
  await api(gvr.endpoints).delete('manual');
  await eventually('no slice', async () => (await mirrored()).length === 0);
  await api(gvr.services).delete('manual');
});

test('a ServiceCIDR that waited goes when its last address is free', async () => {
  await gone(gvr.servicecidrs, 'extra', '');
});
