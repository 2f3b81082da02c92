import type { V1Scale } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import type { KindMapper } from '../discovery/index.js';
import type { Pod } from '../framework/kinds.js';
import { controllerOf, groupOf } from '../framework/owner-reference.js';

interface Owner {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
  uid: string;
}

/** Tells how many pods there should be, by asking the controllers of the pods for their scale. */
export class ExpectedPods {
  constructor(
    private readonly client: Client,
    private readonly kinds: KindMapper,
  ) {}

  /**
   * The sum of the scales of the pods' controllers; pods without one are named in `unmanaged` and not counted. Throws for
   * a controller without scale.
   */
  async count(pods: Pod[]): Promise<{ expected: number; unmanaged: string[] }> {
    const unmanaged: string[] = [];
    const scales = new Map<string, number>();
    for (const pod of pods) {
      const reference = controllerOf(pod);
      if (!reference) {
        unmanaged.push(pod.metadata.name);
        continue;
      }
      if (scales.has(reference.uid)) continue;
      const owner = await this.topOwner({ ...reference, namespace: pod.metadata.namespace });
      if (scales.has(owner.uid)) {
        scales.set(reference.uid, 0);
        continue;
      }
      scales.set(owner.uid, await this.scale(owner));
      if (owner.uid !== reference.uid) scales.set(reference.uid, 0);
    }
    return { expected: [...scales.values()].reduce((sum, scale) => sum + scale, 0), unmanaged };
  }

  /** A replica set's deployment decides how many there should be during a rollout. */
  private async topOwner(owner: Owner): Promise<Owner> {
    if (owner.kind !== 'ReplicaSet' || groupOf(owner.apiVersion) !== 'apps') return owner;
    const sets = this.client.resource<Pod>({ group: 'apps', version: 'v1', resource: 'replicasets' });
    const set = await sets.namespace(owner.namespace).get(owner.name);
    const above = controllerOf(set);
    return above?.kind === 'Deployment' ? { ...above, namespace: owner.namespace } : owner;
  }

  private async scale(owner: Owner): Promise<number> {
    const resource = await this.kinds.lookup(groupOf(owner.apiVersion), owner.kind);
    if (!resource) throw new Error(`no kind "${owner.kind}" is served in "${owner.apiVersion}"`);
    try {
      const scale = await this.client
        .resource(resource)
        .namespace(owner.namespace)
        .subresource<V1Scale>(owner.name, 'scale', 'GET');
      return scale.spec?.replicas ?? 0;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new Error(`${resource.resource}.${resource.group} does not implement the scale subresource`, {
        cause: error,
      });
    }
  }
}
