import type { V1Endpoint, V1EndpointSlice } from '@kubelab/api';
import { hasStatusCause, isConflict, isNotFound, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { endpointChanged, headlessLabel, isHeadless, servicesOfPod } from '../endpoint-model/services.js';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { EndpointSlice, Node, Pod, Service } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { controllerRef } from '../framework/owner-reference.js';
import { messageOf } from '../framework/pod-control.js';
import { Reconciler } from '../framework/reconciler.js';
import { endpointGroups } from './groups.js';
import { allocateToZones, hintOwnPlace, hintsMode } from './hints.js';
import { type EndpointGroup, planSlices, type SliceMetadata } from './reconcile-slices.js';
import { StaleSliceTracker } from './tracker.js';
import { writePlan } from './write-plan.js';

export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const serviceNameLabel = 'kubernetes.io/service-name';
export const controllerName = 'endpointslice-controller.k8s.io';
const lastChangeTriggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';

/** Writes the EndpointSlices of each service with a selector. */
export const endpointSliceController: ControllerDescriptor = {
  name: 'endpointslice-controller',
  aliases: ['endpointslice'],
  eventSource: 'endpoint-slice-controller',
  create: newEndpointSliceController,
};

function newEndpointSliceController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const services = informers.informer<Service>(gvr.services);
  const pods = informers.informer<Pod>(gvr.pods);
  const nodes = informers.informer<Node>(gvr.nodes);
  const slices = informers.informer<EndpointSlice>(gvr.endpointslices);
  const sliceClient = client.resource<V1EndpointSlice>(gvr.endpointslices);
  const tracker = new StaleSliceTracker();

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const { namespace, name } = splitObjectKey(key);
    const service = services.lister.get(namespace, name);
    if (!service || service.metadata.deletionTimestamp) {
      // The slices go with their owner by garbage collection.
      if (!service) tracker.forget(key);
      return undefined;
    }
    if (service.spec.type === 'ExternalName' || Object.keys(service.spec.selector ?? {}).length === 0) return undefined;
    const selector = Object.entries(service.spec.selector ?? {});
    const selected = pods.lister
      .list(namespace)
      .filter((pod) => selector.every(([label, value]) => pod.metadata.labels?.[label] === value));
    const existing = slices.lister
      .list(namespace)
      .filter((slice) => slice.metadata.labels?.[serviceNameLabel] === name)
      .filter((slice) => slice.metadata.labels?.[managedByLabel] === controllerName)
      .filter((slice) => !slice.metadata.deletionTimestamp);
    // Acting on slices older than our own last write would make doubles.
    if (tracker.isStale(key, existing)) return { requeueAfterMs: 1000 };
    const groups = withHints(
      service,
      endpointGroups(service, selected, (node) => nodes.lister.get(undefined, node)),
    );
    const metadata = sliceMetadata(service);
    const plan = planSlices(existing, groups, metadata, options.maxEndpointsPerSlice, (group, endpoints) =>
      newSlice(service, group, endpoints, metadata),
    );
    try {
      await writePlan(sliceClient.namespace(namespace), plan, {
        wrote: (slice) => tracker.wrote(key, slice),
        removed: (slice) => tracker.removed(key, slice),
      });
    } catch (error) {
      if (hasStatusCause(error, 'NamespaceTerminating') || isNotFound(error)) return undefined;
      if (isConflict(error)) throw error;
      const message = `Error updating Endpoint Slices for Service ${key}: ${messageOf(error)}`;
      recorder.event(service, 'Warning', 'FailedToUpdateEndpointSlices', message);
      throw error;
    }
    return undefined;
  }

  function withHints(service: Service, groups: EndpointGroup[]): EndpointGroup[] {
    const mode = hintsMode(service);
    if (mode === 'none') return groups;
    const all = nodes.lister.list();
    return groups.map((group) => ({
      ...group,
      endpoints:
        mode === 'auto'
          ? allocateToZones(group.endpoints, all).endpoints
          : hintOwnPlace(group.endpoints, mode === 'same-node'),
    }));
  }

  const reconciler = new Reconciler({
    name: 'endpointslice-controller',
    logger,
    workers: options.concurrentSyncs,
    reconcile,
  });
  return reconciler
    .watch(services, (service) => [keyOf(service)])
    .watch(slices, (slice) => {
      if (slice.metadata.labels?.[managedByLabel] !== controllerName) return [];
      return [`${slice.metadata.namespace}/${slice.metadata.labels?.[serviceNameLabel]}`];
    })
    .watch(pods, (pod, old) => {
      if (old && !endpointChanged(old, pod)) return [];
      const candidates = services.lister.list(pod.metadata.namespace);
      return new Set([...servicesOfPod(candidates, pod), ...(old ? servicesOfPod(candidates, old) : [])]);
    })
    .watch(nodes, (node, old) => {
      if (old && zoneFacts(old) === zoneFacts(node)) return [];
      return services.lister.list().map(keyOf);
    });
}

/** What of a node can change slices: that it exists, its zone, and for hints its readiness and size. */
function zoneFacts(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
  return [node.metadata.labels?.['topology.kubernetes.io/zone'], ready, node.status?.allocatable?.cpu].join('|');
}

function sliceMetadata(service: Service): SliceMetadata {
  const { [headlessLabel]: _, ...labels } = service.metadata.labels ?? {};
  const trigger = service.metadata.annotations?.[lastChangeTriggerTime];
  return {
    labels: {
      ...labels,
      ...(isHeadless(service) && { [headlessLabel]: '' }),
      [serviceNameLabel]: service.metadata.name,
      [managedByLabel]: controllerName,
    },
    annotations: trigger === undefined ? {} : { [lastChangeTriggerTime]: trigger },
  };
}

function newSlice(
  service: Service,
  group: EndpointGroup,
  endpoints: V1Endpoint[],
  metadata: SliceMetadata,
): V1EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace,
      ...metadata,
      ownerReferences: [controllerRef(service)],
    },
    addressType: group.addressType,
    ports: group.ports,
    endpoints,
  };
}
