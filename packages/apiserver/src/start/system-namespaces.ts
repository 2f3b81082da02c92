import { isAlreadyExists } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';

export const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

const namespaces = { group: '', resource: 'namespaces' };

/** Creates the namespaces that every cluster has; run at start and again when one is missing. */
export async function ensureSystemNamespaces(objects: ObjectAccess): Promise<void> {
  for (const name of systemNamespaces) {
    if (await objects.get(namespaces, '', name)) {
      continue;
    }
    try {
      await objects.create(namespaces, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      });
    } catch (error) {
      // Another API server was faster.
      if (!isAlreadyExists(error)) {
        throw error;
      }
    }
  }
}
