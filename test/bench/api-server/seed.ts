import { randomUUID } from 'node:crypto';
import type { KubeObject } from '@kubelab/apimachinery';
import { EtcdStore } from '@kubelab/storage';
import type { Target } from './target.js';

const atOnce = 128;

export function namespaced(namespace: string, resource = 'configmaps'): string {
  return `/api/v1/namespaces/${namespace}/${resource}`;
}

export function configMap(name: string, data: string) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { data } };
}

/**
 * Writes copies of an object into etcd itself, past the API server: that is quick, and what the API server pays for
 * writes is measured apart. Resolves when the API server has seen them all.
 * @param template as the API server answers it
 * @param prefix the keys' part before the name, below /registry/: `configmaps/NAMESPACE`
 */
export async function seed(target: Target, template: KubeObject, count: number, prefix: string): Promise<void> {
  const store = new EtcdStore({ servers: [target.etcdUrl], prefix: '/registry/' });
  const namespace = prefix.slice(prefix.indexOf('/') + 1);
  let next = 0;
  const work = async () => {
    while (next < count) {
      const name = `seed-${next++}`;
      const metadata = { ...template.metadata, name, namespace, uid: randomUUID() };
      await store.create(`${prefix}/${name}`, { ...template, metadata });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  store.close();
  // A consistent read is answered once the watch cache has caught up with all of it.
  await target.ask(`${namespaced(namespace, prefix.slice(0, prefix.indexOf('/')))}?limit=1`);
}
