import { deepEqual, isAlreadyExists, isConflict, type KubeObject } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';

const configMaps = { group: '', resource: 'configmaps' };
const name = 'extension-apiserver-authentication';

export interface DelegatedAuthentication {
  clientCaPem?: string;
  requestheader?: {
    clientCaPem: string;
    allowedNames: string[];
    usernameHeaders: string[];
    groupHeaders: string[];
    extraHeaderPrefixes: string[];
  };
}

/**
 * Publishes how this server knows users, for extension servers and components that authenticate by it
 * (kube-system/extension-apiserver-authentication).
 */
export async function publishAuthentication(objects: ObjectAccess, how: DelegatedAuthentication): Promise<void> {
  const data: Record<string, string> = {};
  if (how.clientCaPem) {
    data['client-ca-file'] = how.clientCaPem;
  }
  if (how.requestheader) {
    data['requestheader-client-ca-file'] = how.requestheader.clientCaPem;
    data['requestheader-allowed-names'] = JSON.stringify(how.requestheader.allowedNames);
    data['requestheader-username-headers'] = JSON.stringify(how.requestheader.usernameHeaders);
    data['requestheader-group-headers'] = JSON.stringify(how.requestheader.groupHeaders);
    data['requestheader-extra-headers-prefix'] = JSON.stringify(how.requestheader.extraHeaderPrefixes);
  }
  const wanted: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'kube-system', name },
    data,
  };
  const current = await objects.get(configMaps, 'kube-system', name, { consistent: true });
  try {
    if (!current) {
      await objects.create(configMaps, wanted);
    } else if (!deepEqual(current.data, data)) {
      await objects.update(configMaps, { ...current, data });
    }
  } catch (error) {
    // Another API server with the same flags wrote it at the same time.
    if (!isAlreadyExists(error) && !isConflict(error)) {
      throw error;
    }
  }
}
