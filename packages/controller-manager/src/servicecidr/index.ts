import type { V1IPAddress, V1ServiceCIDR } from '@kubelab/api';
import { isNotFound, nowSecond } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { findCondition, withoutCondition } from '../framework/conditions.js';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { Live } from '../framework/live.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { type Cidr, parseCidr } from '../nodeipam/cidr-set.js';

const finalizer = 'networking.k8s.io/service-cidr-finalizer';
/** Addresses come and go without telling the ranges; a range that waits looks again. */
const recheckMs = 5000;

type ServiceCidr = Live<V1ServiceCIDR>;

function contains(cidr: Cidr, address: string): boolean {
  const single = parseCidr(`${address}/${address.includes(':') ? 128 : 32}`);
  if (single.ipv6 !== cidr.ipv6) return false;
  const hostBits = BigInt((cidr.ipv6 ? 128 : 32) - cidr.prefix);
  return single.base >> hostBits === cidr.base >> hostBits;
}

/** Addresses in use that would belong to no range if this one went. */
export function strandedAddresses(going: ServiceCidr, others: ServiceCidr[], addresses: string[]): string[] {
  const ranges = (cidr: ServiceCidr): Cidr[] => (cidr.spec.cidrs ?? []).map(parseCidr);
  const kept = others.filter(({ metadata }) => !metadata.deletionTimestamp).flatMap(ranges);
  return addresses.filter(
    (address) => ranges(going).some((cidr) => contains(cidr, address)) && !kept.some((cidr) => contains(cidr, address)),
  );
}

/** Marks ServiceCIDRs ready, and lets them go only when no Service has an address of theirs alone. */
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
      const has = cidr.metadata.finalizers?.includes(finalizer) ?? false;
      try {
        if (!cidr.metadata.deletionTimestamp) {
          if (!has) await setFinalizers(cidr, [...(cidr.metadata.finalizers ?? []), finalizer]);
          else await setReady(cidr, 'True', '', 'Kubernetes Service CIDR is ready');
          return undefined;
        }
        if (!has) return undefined;
        const others = cidrs.lister.list().filter((other) => other !== cidr);
        const inUse = addresses.lister.list().map(({ metadata }) => metadata.name);
        if (strandedAddresses(cidr, others, inUse).length > 0) {
          const message =
            'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
          await setReady(cidr, 'False', 'Terminating', message);
          return { requeueAfterMs: recheckMs };
        }
        await setFinalizers(
          cidr,
          (cidr.metadata.finalizers ?? []).filter((candidate) => candidate !== finalizer),
        );
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return undefined;
    }

    async function setFinalizers(cidr: ServiceCidr, finalizers: string[]): Promise<void> {
      await cidrClient.update({ ...cidr, metadata: { ...cidr.metadata, finalizers } });
    }

    async function setReady(cidr: ServiceCidr, status: string, reason: string, message: string): Promise<void> {
      const current = findCondition(cidr.status?.conditions, 'Ready');
      if (current?.status === status && current.message === message) return;
      const condition = { type: 'Ready', status, reason, message, lastTransitionTime: nowSecond() };
      const conditions = [...withoutCondition(cidr.status?.conditions, 'Ready'), condition];
      await cidrClient.updateStatus({ ...cidr, status: { ...cidr.status, conditions } });
    }

    return new Reconciler({ name: 'service-cidr-controller', logger, workers: options.concurrentSyncs, reconcile })
      .watch(cidrs, (cidr) => [cidr.metadata.name])
      .needs(addresses);
  },
};
