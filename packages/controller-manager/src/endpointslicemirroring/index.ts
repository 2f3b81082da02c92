import { isIPv6 } from 'node:net';
import type { DiscoveryV1EndpointPort, V1Endpoint, V1EndpointAddress, V1EndpointSlice } from '@kubelab/api';
import { hasStatusCause, isNotFound, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { headlessLabel } from '../endpoint-model/services.js';
import { managedByLabel, serviceNameLabel } from '../endpointslice/index.js';
import { type EndpointGroup, planSlices, type SliceMetadata } from '../endpointslice/reconcile-slices.js';
import { StaleSliceTracker } from '../endpointslice/tracker.js';
import { writePlan } from '../endpointslice/write-plan.js';
import { canonicalText } from '../framework/canonical.js';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { EndpointSlice, Endpoints, Service } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { controllerRef } from '../framework/owner-reference.js';
import { Reconciler } from '../framework/reconciler.js';

const controllerName = 'endpointslicemirroring-controller.k8s.io';
const skipMirrorLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const notMirrored = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'endpoints.kubernetes.io/last-change-trigger-time',
]);

/** Mirrors Endpoints that users write for services without a selector into EndpointSlices. */
export const endpointSliceMirroringController: ControllerDescriptor = {
  name: 'endpointslice-mirroring-controller',
  aliases: ['endpointslicemirroring'],
  serviceAccount: 'endpointslicemirroring-controller',
  create: newMirroringController,
};

function newMirroringController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const services = informers.informer<Service>(gvr.services);
  const endpoints = informers.informer<Endpoints>(gvr.endpoints);
  const slices = informers.informer<EndpointSlice>(gvr.endpointslices);
  const sliceClient = client.resource<V1EndpointSlice>(gvr.endpointslices);
  const tracker = new StaleSliceTracker();

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const { namespace, name } = splitObjectKey(key);
    const source = endpoints.lister.get(namespace, name);
    const service = services.lister.get(namespace, name);
    const existing = slices.lister
      .list(namespace)
      .filter((slice) => slice.metadata.labels?.[managedByLabel] === controllerName)
      .filter((slice) => slice.metadata.labels?.[serviceNameLabel] === name && !slice.metadata.deletionTimestamp);
    if (!source || !service || !shouldMirror(source, service)) {
      for (const slice of existing) await remove(slice);
      tracker.forget(key);
      return undefined;
    }
    if (tracker.isStale(key, existing)) return { requeueAfterMs: 1000 };
    const metadata = mirrorMetadata(source);
    const max = options.mirroringMaxEndpointsPerSubset;
    const skipped = skippedAddresses(source, max);
    if (skipped > 0) {
      const message = `A max of ${max} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
      recorder.event(source, 'Warning', 'TooManyAddressesToMirror', message);
    }
    const groups = mirroredGroups(source, max);
    const plan = planSlices(existing, groups, metadata, max, (group, list) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { generateName: `${name}-`, namespace, ...metadata, ownerReferences: [controllerRef(source)] },
      addressType: group.addressType,
      ports: group.ports,
      endpoints: list,
    }));
    try {
      await writePlan(sliceClient.namespace(namespace), plan, {
        wrote: (slice) => tracker.wrote(key, slice),
        removed: (slice) => tracker.removed(key, slice),
      });
    } catch (error) {
      if (!hasStatusCause(error, 'NamespaceTerminating')) throw error;
    }
    return undefined;
  }

  async function remove(slice: EndpointSlice): Promise<void> {
    try {
      await sliceClient.namespace(slice.metadata.namespace).delete(slice.metadata.name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  return new Reconciler({
    name: 'endpointslice-mirroring-controller',
    logger,
    workers: options.concurrentSyncs,
    reconcile,
  })
    .watch(endpoints, (object) => [keyOf(object)])
    .watch(services, (service) => [keyOf(service)])
    .watch(slices, (slice) =>
      slice.metadata.labels?.[managedByLabel] === controllerName
        ? [`${slice.metadata.namespace}/${slice.metadata.labels[serviceNameLabel]}`]
        : [],
    );
}

function shouldMirror(source: Endpoints, service: Service): boolean {
  if (source.metadata.labels?.[skipMirrorLabel] === 'true') return false;
  if (source.metadata.annotations?.[leaderAnnotation] !== undefined) return false;
  return Object.keys(service.spec.selector ?? {}).length === 0;
}

function mirrorMetadata(source: Endpoints): SliceMetadata {
  const { [headlessLabel]: _, ...labels } = source.metadata.labels ?? {};
  const annotations = Object.entries(source.metadata.annotations ?? {}).filter(([key]) => !notMirrored.has(key));
  return {
    labels: { ...labels, [serviceNameLabel]: source.metadata.name, [managedByLabel]: controllerName },
    annotations: Object.fromEntries(annotations),
  };
}

function skippedAddresses(source: Endpoints, maxPerSubset: number): number {
  const numbers = (source.subsets ?? []).map((s) => (s.addresses ?? []).length + (s.notReadyAddresses ?? []).length);
  return numbers.reduce((sum, n) => sum + Math.max(0, n - maxPerSubset), 0);
}

/** One group per subset and address family; addresses beyond the limit of a subset are left out, as in Kubernetes. */
export function mirroredGroups(source: Endpoints, maxPerSubset: number): EndpointGroup[] {
  const groups = new Map<string, EndpointGroup>();
  for (const subset of source.subsets ?? []) {
    const ports = (subset.ports ?? []).map(
      (port): DiscoveryV1EndpointPort => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' }),
    );
    let left = maxPerSubset;
    const add = (address: V1EndpointAddress, ready: boolean): void => {
      if (left-- <= 0) return;
      const addressType = isIPv6(address.ip) ? 'IPv6' : 'IPv4';
      const key = `${addressType}|${canonicalText(ports)}`;
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      group.endpoints.push(mirroredEndpoint(address, ready));
      groups.set(key, group);
    };
    for (const address of subset.addresses ?? []) add(address, true);
    for (const address of subset.notReadyAddresses ?? []) add(address, false);
  }
  return [...groups.values()];
}

function mirroredEndpoint(address: V1EndpointAddress, ready: boolean): V1Endpoint {
  return {
    addresses: [address.ip],
    conditions: { ready },
    ...(address.hostname && { hostname: address.hostname }),
    ...(address.nodeName && { nodeName: address.nodeName }),
    ...(address.targetRef && { targetRef: address.targetRef }),
  };
}
