import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerEventResponse } from '@kubelab/cri';
import type { ContainerAction, ContainerEvent } from '../docker/events.js';
import { labelKeys } from '../labels.js';
import { EventsByPod } from './events.js';

const event = (id: string, sandbox: string, action: ContainerAction): ContainerEvent => ({
  id,
  action,
  timeNano: '1',
  labels: { [labelKeys.sandboxId]: sandbox },
});

test('events of a pod come in order with one look for those that came together; a slow pod holds up no other', async () => {
  const told: string[] = [];
  const looks: { sandbox: string; done(): void }[] = [];
  const events = new EventsByPod(
    (sandbox) => new Promise((resolve) => looks.push({ sandbox, done: () => resolve({}) })),
    ({ container_id, container_event_type }: ContainerEventResponse) =>
      told.push(`${container_id} ${container_event_type}`),
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  events.add(event('a1', 'a', 'create'));
  events.add(event('b1', 'b', 'create'));
  events.add(event('a1', 'a', 'start'));
  events.add(event('a1', 'a', 'kill'));
  events.add(event('a1', 'a', 'die'));
  assert.deepEqual(
    looks.map(({ sandbox }) => sandbox),
    ['a', 'b'],
  );
  looks[1]?.done();
  await settle();
  assert.deepEqual(told, ['b1 CONTAINER_CREATED_EVENT']);
  looks[0]?.done();
  await settle();
  assert.equal(looks.length, 3);
  looks[2]?.done();
  await settle();
  assert.deepEqual(told.slice(1), [
    'a1 CONTAINER_CREATED_EVENT',
    'a1 CONTAINER_STARTED_EVENT',
    'a1 CONTAINER_STOPPED_EVENT',
  ]);
  events.add(event('b1', 'b', 'start'));
  assert.equal(looks.length, 4);
});
