import { isNotFound, type KubeObject } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';

export interface ObjectAddress {
  group: string;
  version: string;
  resource: string;
}

/**
 * Merges the object into the one that is there, or creates it: running it again changes nothing. In this order, since
 * creating a Service with an address that it already holds is refused for the address, not for the name.
 */
export async function ensureObject(client: Client, address: ObjectAddress, object: KubeObject): Promise<void> {
  const all = client.resource(address);
  const { namespace, name = '' } = object.metadata;
  const scoped = namespace ? all.namespace(namespace) : all;
  try {
    await scoped.patch(name, object, { type: 'merge' });
  } catch (error) {
    if (!isNotFound(error)) {
      throw error;
    }
    await scoped.create(object);
  }
}
