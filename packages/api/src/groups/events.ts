import { eventColumns } from '../columns/core.js';
import { converted } from '../conversion/common.js';
import { eventFromStorage, eventToStorage } from '../conversion/events.js';
import { defineResource } from '../define.js';
import { newEventFields } from '../fields.js';
import type { ResourceEntry } from '../resource.js';
import { eventStrategy } from '../strategy/core.js';

const events = { group: 'events.k8s.io', typesPackage: 'io.k8s.api.events' };
const conversion = { toStorage: eventToStorage, fromStorage: eventFromStorage };

/** events.k8s.io: the same stored objects as core Events. */
export const eventsResources: ResourceEntry[] = [
  defineResource(events, {
    resource: 'events',
    kind: 'Event',
    versions: [
      converted(events.typesPackage, 'v1', 'Event', conversion),
      converted(events.typesPackage, 'v1beta1', 'Event', {
        ...conversion,
        warning:
          'events.k8s.io/v1beta1 Event is deprecated in v1.22+, unavailable in v1.25+; use events.k8s.io/v1 Event',
      }),
    ],
    shortNames: ['ev'],
    storageGroup: '',
    storageVersion: 'v1',
    columns: eventColumns,
    strategy: eventStrategy,
    selectableFields: newEventFields,
    allowCreateOnUpdate: true,
  }),
];
