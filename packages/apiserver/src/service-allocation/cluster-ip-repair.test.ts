import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupResource, KubeObject } from '@kubelab/apimachinery';
import type { EventRecorder, Warning } from '../event-recorder.js';
import type { ObjectAccess } from '../object-access.js';
import type { ClusterIpAllocator } from './cluster-ip-allocator.js';
import { ClusterIpRepair } from './cluster-ip-repair.js';
import { ipAddresses, newIpAddress, services } from './ip-address.js';

const web = { kind: 'Service', apiVersion: 'v1', metadata: { namespace: 'default', name: 'web' } } as KubeObject;

/** What the check of 10.96.0.9, an address of default/web, does. The Service is ten minutes old unless it is said. */
async function check(spec: object | undefined, ageMs: number, serviceAgeMs = 600_000) {
  const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
  const ipAddress = newIpAddress('10.96.0.9', web);
  ipAddress.metadata.creationTimestamp = ago(ageMs);
  const metadata = { ...web.metadata, creationTimestamp: ago(serviceAgeMs) };
  const deleted: string[] = [];
  const warnings: Warning[] = [];
  const get = async ({ resource }: GroupResource) => {
    if (resource === ipAddresses.resource) return ipAddress;
    assert.equal(resource, services.resource);
    return spec && ({ ...web, metadata, spec } as KubeObject);
  };
  const objects = { get, delete: async (_: GroupResource, _ns: string, name: string) => void deleted.push(name) };
  const events = { warn: async (_: KubeObject, warning: Warning) => void warnings.push(warning) };
  const repair = new ClusterIpRepair(
    objects as unknown as ObjectAccess,
    {} as ClusterIpAllocator,
    events as unknown as EventRecorder,
  );
  const again = await repair.checkIpAddress('10.96.0.9');
  return { isAskedAgain: again !== undefined, deleted, reasons: warnings.map((w) => w.reason) };
}

const kept = { isAskedAgain: false, deleted: [], reasons: [] };

test('the address of a Service stays', async () => {
  assert.deepEqual(await check({ clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'] }, 0), kept);
  assert.deepEqual(await check({ clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'] }, 3_600_000), kept);
});

const gone = (reason: string) => ({ ...kept, deleted: ['10.96.0.9'], reasons: [reason] });

test('one whose Service is not there goes, unless it is so young that the Service may be on its way', async () => {
  assert.deepEqual(await check(undefined, 50_000), { ...kept, isAskedAgain: true });
  assert.deepEqual(await check(undefined, 70_000), gone('IPAddressNotAllocated'));
});

test('one that its Service has not goes, unless a change that gives it may be on its way', async () => {
  for (const spec of [{ type: 'ExternalName' }, { clusterIP: '10.96.0.8', clusterIPs: ['10.96.0.8'] }]) {
    assert.deepEqual(await check(spec, 0), { ...kept, isAskedAgain: true });
    assert.deepEqual(await check(spec, 7_000), gone('IPAddressWrongReference'));
    assert.deepEqual(await check(spec, 3_000, 1_000), gone('IPAddressWrongReference'), 'older than the Service');
  }
});
