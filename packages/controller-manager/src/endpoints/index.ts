import type { V1Endpoints } from '@kubelab/api';
import {
  hasStatusCause,
  isAlreadyExists,
  isConflict,
  isNotFound,
  semanticEqual,
  splitObjectKey,
} from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { endpointChanged, headlessLabel, isHeadless, servicesOfPod } from '../endpoint-model/services.js';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Endpoints, Pod, Service } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { messageOf } from '../framework/pod-control.js';
import { Reconciler } from '../framework/reconciler.js';
import { subsetsOf, truncate } from './subsets.js';

const overCapacity = 'endpoints.kubernetes.io/over-capacity';
const lastChangeTriggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';
const managedByLabel = 'endpoints.kubernetes.io/managed-by';

/** Writes the Endpoints object of each service with a selector. */
export const endpointsController: ControllerDescriptor = {
  name: 'endpoints-controller',
  aliases: ['endpoint'],
  serviceAccount: 'endpoint-controller',
  create: newEndpointsController,
};

function newEndpointsController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger } = context;
  const services = informers.informer<Service>(gvr.services);
  const pods = informers.informer<Pod>(gvr.pods);
  const endpoints = informers.informer<Endpoints>(gvr.endpoints);
  const endpointsClient = client.resource<V1Endpoints>(gvr.endpoints);

  async function reconcile(key: string): Promise<void> {
    const { namespace, name } = splitObjectKey(key);
    const service = services.lister.get(namespace, name);
    const current = endpoints.lister.get(namespace, name);
    if (!service) {
      if (current?.metadata.labels?.[managedByLabel] === 'endpoint-controller') await remove(namespace, name);
      return;
    }
    // Without a selector, or for an external name, someone else writes the endpoints.
    if (service.spec.type === 'ExternalName' || Object.keys(service.spec.selector ?? {}).length === 0) return;
    const wanted = draft(service, current);
    if (current && same(current, wanted)) return;
    try {
      if (current) await endpointsClient.namespace(namespace).update(wanted);
      else await endpointsClient.namespace(namespace).create(wanted);
    } catch (error) {
      if (hasStatusCause(error, 'NamespaceTerminating')) return;
      // Made by our last pass, whose echo the cache has not seen; it brings us back.
      if (isAlreadyExists(error)) return;
      if (isConflict(error)) throw error;
      const verb = current ? 'update' : 'create';
      const reason = current ? 'FailedToUpdateEndpoint' : 'FailedToCreateEndpoint';
      recorder.event(service, 'Warning', reason, `Failed to ${verb} endpoint ${key}: ${messageOf(error)}`);
      throw error;
    }
  }

  async function remove(namespace: string, name: string): Promise<void> {
    try {
      await endpointsClient.namespace(namespace).delete(name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  function draft(service: Service, current: Endpoints | undefined): V1Endpoints {
    const selector = Object.entries(service.spec.selector ?? {});
    const selected = pods.lister
      .list(service.metadata.namespace)
      .filter((pod) => selector.every(([label, value]) => pod.metadata.labels?.[label] === value));
    const subsets = subsetsOf(service, selected);
    const { [headlessLabel]: _, ...labels } = service.metadata.labels ?? {};
    const { [overCapacity]: __, ...annotations } = current?.metadata.annotations ?? {};
    const trigger = service.metadata.annotations?.[lastChangeTriggerTime];
    return {
      ...(current ?? {}),
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: {
        ...(current?.metadata ?? { name: service.metadata.name, namespace: service.metadata.namespace }),
        labels: {
          ...labels,
          [managedByLabel]: 'endpoint-controller',
          ...(isHeadless(service) && { [headlessLabel]: '' }),
        },
        annotations: {
          ...annotations,
          ...(trigger !== undefined && { [lastChangeTriggerTime]: trigger }),
          ...(truncate(subsets) && { [overCapacity]: 'truncated' }),
        },
      },
      subsets,
    };
  }

  return new Reconciler({ name: 'endpoints-controller', logger, workers: context.options.concurrentSyncs, reconcile })
    .watch(services, (service) => [keyOf(service)])
    .watch(endpoints, (object) => [keyOf(object)])
    .watch(pods, (pod, old) => {
      if (old && !endpointChanged(old, pod)) return [];
      const candidates = services.lister.list(pod.metadata.namespace);
      return new Set([...servicesOfPod(candidates, pod), ...(old ? servicesOfPod(candidates, old) : [])]);
    });
}

function same(current: Endpoints, wanted: V1Endpoints): boolean {
  return (
    semanticEqual(current.subsets ?? [], wanted.subsets ?? []) &&
    semanticEqual(current.metadata.labels, wanted.metadata?.labels) &&
    semanticEqual(current.metadata.annotations, wanted.metadata?.annotations)
  );
}
