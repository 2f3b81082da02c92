import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectService, unaryCall } from './client.js';
import { DevicePluginClient, serveDeviceRegistration } from './device-plugin.js';
import type { RegisterRequestOutput } from './generated/deviceplugin.js';
import { loadServices, serviceOf } from './load.js';
import { serve } from './server.js';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubelab-device-'));
});
after(() => rm(dir, { recursive: true }));

const services = loadServices('deviceplugin/v1beta1/api.proto', 'v1beta1');

test('a plugin registers', async () => {
  const seen: RegisterRequestOutput[] = [];
  const server = await serveDeviceRegistration(join(dir, 'kubelet.sock'), async (request) => {
    seen.push(request);
  });
  const Registration = serviceOf(services, 'Registration');
  const plugin = connectService(Registration, join(dir, 'kubelet.sock'));
  const definition = Registration.service.Register;
  assert.ok(definition);
  await unaryCall(plugin, definition, { version: 'v1beta1', endpoint: 'x.sock', resource_name: 'v/r' }, 60_000);
  assert.deepEqual([seen[0]?.endpoint, seen[0]?.resource_name], ['x.sock', 'v/r']);
  plugin.close();
  await server.close();
});

test('devices are listed as they change, and allocated', async () => {
  const plugin = await serve(join(dir, 'x.sock'), [
    [
      serviceOf(services, 'DevicePlugin'),
      {
        async *listAndWatch() {
          yield { devices: [{ ID: 'a', health: 'Healthy' }] };
          yield { devices: [{ ID: 'a', health: 'Unhealthy' }] };
        },
        allocate: ({ container_requests }: { container_requests: { devices_ids: string[] }[] }) => ({
          container_responses: container_requests.map(({ devices_ids }) => ({ envs: { IDS: devices_ids.join() } })),
        }),
      },
      undefined,
    ],
  ]);
  const client = DevicePluginClient.connect(join(dir, 'x.sock'));
  const health: (string | undefined)[] = [];
  for await (const { devices } of client.listAndWatch({})) health.push(devices[0]?.health);
  assert.deepEqual(health, ['Healthy', 'Unhealthy']);
  const answer = await client.allocate({ container_requests: [{ devices_ids: ['a', 'b'] }] });
  assert.deepEqual(answer.container_responses[0]?.envs, { IDS: 'a,b' });
  await assert.rejects(client.getDevicePluginOptions({}), { code: 'UNIMPLEMENTED' });
  client.close();
  await plugin.close();
});
