import type { V1ConfigMap } from '@kubelab/api';
import { hasStatusCause, isAlreadyExists, isNotFound } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { ConfigMap, Namespace } from '../framework/kinds.js';
import { Reconciler } from '../framework/reconciler.js';

const configMapName = 'kube-root-ca.crt';
const annotations = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
};

/** Publishes the CA bundle that pods verify the API server with, in every namespace. */
export const rootCaPublisherController: ControllerDescriptor = {
  name: 'root-ca-certificate-publisher-controller',
  aliases: ['root-ca-cert-publisher'],
  serviceAccount: 'root-ca-cert-publisher',
  create({ client, informers, logger, options }) {
    const ca = options.rootCaPem;
    if (ca === undefined) return undefined;
    const namespaces = informers.informer<Namespace>(gvr.namespaces);
    const configMaps = informers.informer<ConfigMap>(gvr.configmaps);
    const configMapClient = client.resource<V1ConfigMap>(gvr.configmaps);
    const data = { 'ca.crt': ca };

    async function reconcile(namespace: string): Promise<void> {
      const owner = namespaces.lister.get(undefined, namespace);
      if (!owner || owner.metadata.deletionTimestamp || owner.status?.phase === 'Terminating') return;
      const current = configMaps.lister.get(namespace, configMapName);
      try {
        if (!current) {
          await configMapClient.namespace(namespace).create({
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: configMapName, namespace, annotations },
            data,
          });
        } else if (current.data?.['ca.crt'] !== ca || Object.keys(current.data ?? {}).length !== 1) {
          await configMapClient.namespace(namespace).update({ ...current, data });
        }
      } catch (error) {
        if (isAlreadyExists(error) || isNotFound(error) || hasStatusCause(error, 'NamespaceTerminating')) return;
        throw error;
      }
    }

    return new Reconciler({
      name: 'root-ca-certificate-publisher-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    })
      .watch(namespaces, (namespace) => [namespace.metadata.name])
      .watch(configMaps, (object) => (object.metadata.name === configMapName ? [object.metadata.namespace] : []));
  },
};
