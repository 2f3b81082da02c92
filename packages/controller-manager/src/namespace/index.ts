import type { V1Namespace } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Namespace, Pod } from '../framework/kinds.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { deletionConditions } from './conditions.js';
import { deleteAllContent } from './delete-content.js';

const kubernetesFinalizer = 'kubernetes';
/** How soon to look again when content goes away by itself: finalizers, pods ending. */
const recheckMs = 1000;
const maxRecheckMs = 15_000;

/** Empties namespaces that are being deleted and then takes the finalizer off them. */
export const namespaceController: ControllerDescriptor = {
  name: 'namespace-controller',
  aliases: ['namespace'],
  create: newNamespaceController,
};

function newNamespaceController({ client, informers, logger, options }: ControllerContext): Reconciler {
  const namespaces = informers.informer<Namespace>(gvr.namespaces);
  const pods = informers.informer<Pod>(gvr.pods);
  const namespaceClient = client.resource<V1Namespace>(gvr.namespaces);

  async function reconcile(name: string): Promise<Outcome> {
    const cached = namespaces.lister.get(undefined, name);
    if (!cached?.metadata.deletionTimestamp) return undefined;
    let namespace: V1Namespace;
    try {
      namespace = await namespaceClient.get(name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    if (!namespace.metadata?.deletionTimestamp || namespace.metadata.uid !== cached.metadata.uid) return undefined;
    const finalizers = namespace.spec?.finalizers ?? [];
    if (!finalizers.includes(kubernetesFinalizer)) return undefined;
    // No new content is admitted from here on: the phase closes the namespace.
    if (namespace.status?.phase !== 'Terminating') {
      namespace = await namespaceClient.updateStatus({
        ...namespace,
        status: { ...namespace.status, phase: 'Terminating' },
      });
    }
    const result = await deleteAllContent(client, name);
    const conditions = deletionConditions(namespace.status?.conditions, result);
    if (conditions !== namespace.status?.conditions) {
      namespace = await namespaceClient.updateStatus({ ...namespace, status: { ...namespace.status, conditions } });
    }
    const errors = [...result.discoveryErrors, ...result.contentErrors];
    if (errors.length > 0) throw new Error(errors.join(', '));
    if (result.remaining.size > 0) {
      const ageMs = Date.now() - Date.parse(cached.metadata.deletionTimestamp);
      return { requeueAfterMs: Math.min(recheckMs + ageMs / 10, maxRecheckMs) };
    }
    await finalize(namespace);
    return undefined;
  }

  async function finalize(namespace: V1Namespace): Promise<void> {
    const name = namespace.metadata?.name ?? '';
    const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== kubernetesFinalizer);
    try {
      await namespaceClient.subresource(name, 'finalize', 'PUT', {
        ...namespace,
        spec: { ...namespace.spec, finalizers },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  return new Reconciler({ name: 'namespace-controller', logger, workers: options.concurrentSyncs, reconcile })
    .watch(namespaces, (namespace) => [namespace.metadata.name])
    .watch(pods, (pod) => {
      // The last pod's end lets the rest go without waiting for the next look.
      const namespace = namespaces.lister.get(undefined, pod.metadata.namespace);
      const isLast = namespace?.metadata.deletionTimestamp && pods.lister.list(pod.metadata.namespace).length === 0;
      return isLast ? [pod.metadata.namespace] : [];
    });
}
