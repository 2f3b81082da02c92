import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupResource, KubeObject } from '@kubelab/apimachinery';
import type { EventRecorder, Warning } from '../event-recorder.js';
import type { ObjectAccess } from '../object-access.js';
import type { ClusterIpAllocator } from './cluster-ip-allocator.js';
import { ClusterIpRepair } from './cluster-ip-repair.js';
import { ipAddresses, newIpAddress, services } from './ip-address.js';

const web = { kind: 'Service', apiVersion: 'v1', metadata: { namespace: 'default', name: 'web' } } as KubeObject;

/** What the check of 10.96.0.9, an address of default/web, does. */
async function check(spec: object | undefined, ageMs: number) {
  const ipAddress = newIpAddress('10.96.0.9', web);
  ipAddress.metadata.creationTimestamp = new Date(Date.now() - ageMs).toISOString();
  const deleted: string[] = [];
  const warnings: Warning[] = [];
  const get = async ({ resource }: GroupResource) => {
    if (resource === ipAddresses.resource) return ipAddress;
    assert.equal(resource, services.resource);
    return spec && ({ ...web, spec } as KubeObject);
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

test('one that no Service has goes, unless it is so young that its Service may be under way', async () => {
  for (const [spec, reason] of [
    [undefined, 'IPAddressNotAllocated'],
    [{ type: 'ExternalName' }, 'IPAddressWrongReference'],
    [{ clusterIP: '10.96.0.8', clusterIPs: ['10.96.0.8'] }, 'IPAddressWrongReference'],
  ] as const) {
    assert.deepEqual(await check(spec, 0), { ...kept, isAskedAgain: true });
    assert.deepEqual(await check(spec, 3_600_000), { ...kept, deleted: ['10.96.0.9'], reasons: [reason] });
  }
});
