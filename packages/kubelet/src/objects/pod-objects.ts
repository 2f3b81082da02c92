import type { V1ConfigMap, V1PersistentVolume, V1PersistentVolumeClaim, V1Secret } from '@kubelab/api';
import { type Client, gvr } from '@kubelab/client';
import type { ImagePuller } from '../images/puller.js';
import type { Pod } from '../pod/types.js';
import type { VolumeObjects } from '../volumes/types.js';
import type { ObjectCache } from './object-cache.js';
import type { TokenManager } from './token-manager.js';

export interface PodObjectsOptions {
  client: Client;
  cache: ObjectCache;
  tokens: TokenManager;
  puller: ImagePuller;
}

/** What a pod's environment and volumes read from the API, on behalf of that pod. */
export function podObjects(pod: Pod, { client, cache, tokens, puller }: PodObjectsOptions): VolumeObjects {
  const { uid } = pod.metadata;
  return {
    configMap: (namespace, name) => cache.get<V1ConfigMap>(gvr.configmaps, namespace, name, uid),
    secret: (namespace, name) => cache.get<V1Secret>(gvr.secrets, namespace, name, uid),
    claim: (namespace, name) =>
      client.resource<V1PersistentVolumeClaim>(gvr.persistentvolumeclaims).namespace(namespace).get(name),
    persistentVolume: (name) => client.resource<V1PersistentVolume>(gvr.persistentvolumes).get(name),
    token: (owner, audience, seconds) => tokens.token(owner, audience, seconds),
    ensureImage: async (owner, reference, policy) => {
      const container = { name: 'image-volume', image: reference, imagePullPolicy: policy };
      const present = await puller.ensure(owner, container, new AbortController().signal);
      return present.ref;
    },
  };
}
