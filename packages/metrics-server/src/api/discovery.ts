import { group, version } from './request-info.js';

const groupVersion = `${group}/${version}`;
const preferred = { groupVersion, version };
const verbs = ['get', 'list'];

const resources = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion,
  resources: [
    { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs },
    { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs },
  ],
};
const apiGroup = { name: group, versions: [preferred], preferredVersion: preferred };

const documents: Record<string, object> = {
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [apiGroup] },
  [`/apis/${group}`]: { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup },
  [`/apis/${groupVersion}`]: resources,
};

/** The discovery document at a path. */
export function discoveryDocument(url: string): object | undefined {
  const [path = ''] = url.split('?', 1);
  return documents[path.replace(/\/$/, '')];
}
