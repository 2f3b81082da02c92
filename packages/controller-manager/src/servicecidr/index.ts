import type { V1IPAddress, V1ServiceCIDR } from '@kubelab/api';
import { isNotFound, nowSecond } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { findCondition, withoutCondition } from '../framework/conditions.js';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { Live } from '../framework/live.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { canGo, holding, overlapping, type ServiceCidr } from './ranges.js';

const finalizer = 'networking.k8s.io/service-cidr-finalizer';
/** API servers may not have seen yet that a range goes, and take addresses of it for so long. */
const deletionGraceMs = 10_000;

const isAllocators = ({ metadata }: Live<V1IPAddress>): boolean =>
  metadata.labels?.['ipaddress.kubernetes.io/managed-by'] === 'ipallocator.k8s.io';

/** Marks ServiceCIDRs ready, and lets them go only when no Service has an address of theirs alone (KEP-1880). */
export const serviceCidrController: ControllerDescriptor = {
  name: 'service-cidr-controller',
  aliases: ['service-cidr-controller'],
  serviceAccount: 'service-cidrs-controller',
  create({ client, informers, logger, options }) {
    const cidrs = informers.informer<ServiceCidr>(gvr.servicecidrs);
    const addresses = informers.informer<Live<V1IPAddress>>(gvr.ipaddresses);
    const cidrClient = client.resource<V1ServiceCIDR>(gvr.servicecidrs);

    async function reconcile(name: string): Promise<Outcome> {
      const cidr = cidrs.lister.get(undefined, name);
      if (!cidr) return undefined;
      try {
        return cidr.metadata.deletionTimestamp ? await finish(cidr) : await begin(cidr);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        return undefined;
      }
    }

    async function begin(cidr: ServiceCidr): Promise<Outcome> {
      const finalizers = cidr.metadata.finalizers ?? [];
      const protectedCidr = finalizers.includes(finalizer)
        ? cidr
        : ((await setFinalizers(cidr, [...finalizers, finalizer])) as ServiceCidr);
      await setReady(protectedCidr, 'True', '', 'Kubernetes Service CIDR is ready');
      return undefined;
    }

    async function finish(cidr: ServiceCidr): Promise<Outcome> {
      const finalizers = cidr.metadata.finalizers ?? [];
      if (!finalizers.includes(finalizer)) return undefined;
      const inUse = addresses.lister.list().filter(isAllocators);
      const names = inUse.map(({ metadata }) => metadata.name);
      if (!canGo(cidr, cidrs.lister.list(), names)) {
        const message =
          'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
        await setReady(cidr, 'False', 'Terminating', message);
        return undefined;
      }
      const waitMs = Date.parse(cidr.metadata.deletionTimestamp ?? '') + deletionGraceMs - Date.now();
      if (waitMs > 0) return { requeueAfterMs: waitMs };
      await setFinalizers(
        cidr,
        finalizers.filter((candidate) => candidate !== finalizer),
      );
      return undefined;
    }

    function setFinalizers(cidr: ServiceCidr, finalizers: string[]): Promise<V1ServiceCIDR> {
      return cidrClient.update({ ...cidr, metadata: { ...cidr.metadata, finalizers } });
    }

    async function setReady(cidr: ServiceCidr, status: string, reason: string, message: string): Promise<void> {
      const current = findCondition(cidr.status?.conditions, 'Ready');
      if (current?.status === status && current.message === message) return;
      const lastTransitionTime = current?.status === status ? current.lastTransitionTime : nowSecond();
      const condition = { type: 'Ready', status, reason, message, lastTransitionTime };
      const conditions = [...withoutCondition(cidr.status?.conditions, 'Ready'), condition];
      await cidrClient.updateStatus({ ...cidr, status: { ...cidr.status, conditions } });
    }

    // A range that comes or goes, and an address that does, may let another range go, or keep it.
    const namesOf = (found: ServiceCidr[]): string[] => found.map(({ metadata }) => metadata.name);
    return new Reconciler({ name: 'service-cidr-controller', logger, workers: options.concurrentSyncs, reconcile })
      .watch(cidrs, (cidr) => [cidr.metadata.name, ...namesOf(overlapping(cidrs.lister.list(), cidr))])
      .watch(addresses, (address) =>
        isAllocators(address) ? namesOf(holding(cidrs.lister.list(), address.metadata.name)) : [],
      );
  },
};
