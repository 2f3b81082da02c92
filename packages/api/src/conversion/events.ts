import type { CoreV1Event, EventsV1Event } from '../generated/types.js';

/** events.k8s.io Events are stored as core Events: the same thing with other names. */
export function eventToStorage(e: EventsV1Event): CoreV1Event {
  const {
    regarding,
    note,
    reportingController,
    deprecatedCount,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedSource,
    ...rest
  } = e;
  return {
    ...rest,
    apiVersion: 'v1',
    metadata: e.metadata ?? {},
    involvedObject: regarding ?? {},
    ...(note === undefined ? {} : { message: note }),
    ...(reportingController === undefined ? {} : { reportingComponent: reportingController }),
    ...(deprecatedCount === undefined ? {} : { count: deprecatedCount }),
    ...(deprecatedFirstTimestamp === undefined ? {} : { firstTimestamp: deprecatedFirstTimestamp }),
    ...(deprecatedLastTimestamp === undefined ? {} : { lastTimestamp: deprecatedLastTimestamp }),
    ...(deprecatedSource === undefined ? {} : { source: deprecatedSource }),
  } as CoreV1Event;
}

/** A core Event as events.k8s.io shows it. */
export function eventFromStorage(e: CoreV1Event): EventsV1Event {
  const { involvedObject, message, reportingComponent, count, firstTimestamp, lastTimestamp, source, ...rest } = e;
  return {
    ...rest,
    regarding: involvedObject,
    ...(message === undefined ? {} : { note: message }),
    ...(reportingComponent === undefined ? {} : { reportingController: reportingComponent }),
    ...(count === undefined ? {} : { deprecatedCount: count }),
    ...(firstTimestamp === undefined ? {} : { deprecatedFirstTimestamp: firstTimestamp }),
    ...(lastTimestamp === undefined ? {} : { deprecatedLastTimestamp: lastTimestamp }),
    ...(source === undefined ? {} : { deprecatedSource: source }),
    eventTime: e.eventTime as EventsV1Event['eventTime'],
  } as EventsV1Event;
}
