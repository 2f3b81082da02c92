import type { V1ServiceAccount } from '@kubelab/api';
import { hasStatusCause, isAlreadyExists, isNotFound } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { Namespace, ServiceAccount } from '../framework/kinds.js';
import { Reconciler } from '../framework/reconciler.js';

/** Sees to it that every active namespace has a service account named `default`. */
export const serviceAccountController: ControllerDescriptor = {
  name: 'serviceaccount-controller',
  aliases: ['serviceaccount'],
  serviceAccount: 'service-account-controller',
  create({ client, informers, logger, options }) {
    const namespaces = informers.informer<Namespace>(gvr.namespaces);
    const accounts = informers.informer<ServiceAccount>(gvr.serviceaccounts);
    const accountClient = client.resource<V1ServiceAccount>(gvr.serviceaccounts);

    async function reconcile(namespace: string): Promise<void> {
      const owner = namespaces.lister.get(undefined, namespace);
      if (!owner || owner.metadata.deletionTimestamp || owner.status?.phase === 'Terminating') return;
      if (accounts.lister.get(namespace, 'default')) return;
      try {
        await accountClient.namespace(namespace).create({
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name: 'default', namespace },
        });
      } catch (error) {
        if (isAlreadyExists(error) || isNotFound(error) || hasStatusCause(error, 'NamespaceTerminating')) return;
        throw error;
      }
    }

    return new Reconciler({ name: 'serviceaccount-controller', logger, workers: options.concurrentSyncs, reconcile })
      .watch(namespaces, (namespace) => [namespace.metadata.name])
      .watch(accounts, (account) => (account.metadata.name === 'default' ? [account.metadata.namespace] : []));
  },
};
