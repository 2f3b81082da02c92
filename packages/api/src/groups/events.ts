import { defineResource } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const events = { group: 'events.k8s.io', typesPackage: 'io.k8s.api.events' };

/** events.k8s.io: the same stored objects as core Events. */
export const eventsResources: ResourceEntry[] = [
  defineResource(events, {
    resource: 'events',
    kind: 'Event',
    versions: ['v1'],
    shortNames: ['ev'],
    storageGroup: '',
    storageVersion: 'v1',
  }),
];
