import type { KubeObject } from '@kubelab/apimachinery';

type Field = (obj: KubeObject) => string;

/** Reads a field by path as selectors compare it: as text, absent fields as the given default. */
export function text(path: string, absent = ''): Field {
  const parts = path.split('.');
  return (obj) => {
    let value: unknown = obj;
    for (const part of parts) {
      if (typeof value !== 'object' || value === null) return absent;
      value = (value as Record<string, unknown>)[part];
    }
    return value === undefined || value === null ? absent : String(value);
  };
}

/** Fields by which pods are selected. */
export const podFields: Record<string, Field> = {
  'spec.nodeName': text('spec.nodeName'),
  'spec.restartPolicy': text('spec.restartPolicy'),
  'spec.schedulerName': text('spec.schedulerName'),
  'spec.serviceAccountName': text('spec.serviceAccountName'),
  'spec.hostNetwork': text('spec.hostNetwork', 'false'),
  'status.phase': text('status.phase'),
  'status.podIP': text('status.podIP'),
  'status.podIPs': text('status.podIP'),
  'status.nominatedNodeName': text('status.nominatedNodeName'),
};

const eventSource: Field = (obj) => text('source.component')(obj) || text('reportingComponent')(obj);

/** Fields by which core events are selected. */
export const eventFields: Record<string, Field> = {
  'involvedObject.kind': text('involvedObject.kind'),
  'involvedObject.namespace': text('involvedObject.namespace'),
  'involvedObject.name': text('involvedObject.name'),
  'involvedObject.uid': text('involvedObject.uid'),
  'involvedObject.apiVersion': text('involvedObject.apiVersion'),
  'involvedObject.resourceVersion': text('involvedObject.resourceVersion'),
  'involvedObject.fieldPath': text('involvedObject.fieldPath'),
  reason: text('reason'),
  reportingComponent: text('reportingComponent'),
  source: eventSource,
  type: text('type'),
};

/** The same of events.k8s.io, which names some of them otherwise. */
export const newEventFields: Record<string, Field> = {
  'regarding.kind': text('involvedObject.kind'),
  'regarding.namespace': text('involvedObject.namespace'),
  'regarding.name': text('involvedObject.name'),
  'regarding.uid': text('involvedObject.uid'),
  'regarding.apiVersion': text('involvedObject.apiVersion'),
  'regarding.resourceVersion': text('involvedObject.resourceVersion'),
  'regarding.fieldPath': text('involvedObject.fieldPath'),
  reason: text('reason'),
  reportingController: text('reportingComponent'),
  type: text('type'),
};
