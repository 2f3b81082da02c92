import { isAlreadyExists, type KubeObject } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';

export interface ObjectAddress {
  group: string;
  version: string;
  resource: string;
}

/** Creates the object, or merges it into the one that is there: running it again changes nothing. */
export async function ensureObject(client: Client, address: ObjectAddress, object: KubeObject): Promise<void> {
  const all = client.resource(address);
  const { namespace, name = '' } = object.metadata;
  const scoped = namespace ? all.namespace(namespace) : all;
  try {
    await scoped.create(object);
  } catch (error) {
    if (!isAlreadyExists(error)) {
      throw error;
    }
    await scoped.patch(name, object, { type: 'merge' });
  }
}
