import type { ApiObject, ApiObjectMeta } from '../types.js';

/** core/v1 ObjectReference. */
export interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

/** core/v1 Event, the fields a recorder writes. */
export interface Event extends ApiObject {
  metadata: ApiObjectMeta;
  involvedObject: ObjectReference;
  reason: string;
  message: string;
  type: 'Normal' | 'Warning';
  source: { component: string; host?: string };
  reportingComponent: string;
  reportingInstance: string;
  /** RFC 3339, seconds. */
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
}

/** Identifies events that are the same but for their time: their count goes up instead of a new event. */
export function eventKey(e: Event): string {
  return `${aggregateKey(e)}|${e.message}`;
}

/** Identifies events that differ only in their message: many of these are combined into one. */
export function aggregateKey(e: Event): string {
  return [spamKey(e), e.type, e.reason, e.reportingComponent, e.reportingInstance].join('|');
}

/** Identifies a source and an object: how many events these may write is limited. */
export function spamKey(e: Event): string {
  const { kind, namespace, name, uid, apiVersion, fieldPath } = e.involvedObject;
  return [e.source.component, e.source.host, kind, namespace, name, uid, apiVersion, fieldPath].join('|');
}
