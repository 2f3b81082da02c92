import type { V1LoadBalancerIngress, V1Service } from '@kubelab/api';
import { deepEqual, isConflict, isNotFound, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Node, Service } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { decideFromNodes, decideFromPool, ingressIps, isOurs, loadBalancerClass } from './decide.js';
import { AddressPool } from './pool.js';

const retryMs = 30_000;
/** Kubernetes' own: a Service does not go away before its load balancer is taken down (KEP-980). */
const finalizer = 'service.kubernetes.io/load-balancer-cleanup';

/**
 * Gives Services of type LoadBalancer their addresses: from the pool, whose addresses the node agents announce on
 * their link, or without a pool those of the nodes, where kube-proxy takes the Services' ports. Events, finalizer and
 * order of steps are those of Kubernetes' service controller (k8s.io/cloud-provider).
 */
export const serviceLoadBalancerController: ControllerDescriptor = {
  name: 'service-lb-controller',
  aliases: ['service'],
  serviceAccount: 'service-controller',
  create: newServiceLoadBalancerController,
};

function newServiceLoadBalancerController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const services = informers.informer<Service>(gvr.services);
  const nodes = informers.informer<Node>(gvr.nodes);
  const serviceClient = client.resource<V1Service>(gvr.services);
  const pool = options.loadBalancerPool.length > 0 ? new AddressPool(options.loadBalancerPool) : undefined;
  /** Given out, while the informer may not have seen it yet. One worker: no two Services are decided at once. */
  const given = new Map<string, string[]>();

  async function reconcile(key: string): Promise<Outcome> {
    const { namespace, name } = splitObjectKey(key);
    const service = services.lister.get(namespace, name);
    if (!service || service.metadata.deletionTimestamp || !isOurs(service)) {
      if (service && needsCleanup(service)) await takeDown(service);
      if (given.delete(key)) requeueWaiting();
      return undefined;
    }
    return ensure(key, service);
  }

  async function ensure(key: string, service: Service): Promise<Outcome> {
    const others = services.lister
      .list()
      .filter((s) => isOurs(s) && keyOf(s) !== key)
      .map((s) => ({ service: s, ips: [...new Set([...ingressIps(s), ...(given.get(keyOf(s)) ?? [])])] }));
    const decision = pool
      ? decideFromPool(service, others, pool)
      : decideFromNodes(service, others, nodes.lister.list());
    const before = service.status?.loadBalancer?.ingress ?? [];
    if ('problem' in decision) {
      event(service, 'SyncLoadBalancerFailed', `Error syncing load balancer: ${decision.problem}`, 'Warning');
      if (before.length > 0) await write(service, { status: statusOf([]) });
      given.delete(key);
      return { requeueAfterMs: retryMs };
    }
    const { ingress } = decision;
    if (ingress.length === 0)
      event(service, 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer', 'Warning');
    if (hasFinalizer(service) && deepEqual(before, ingress)) return undefined;
    if (before.length === 0 && ingress.length > 0) event(service, 'EnsuringLoadBalancer', 'Ensuring load balancer');
    // Before the address: the Service must not go before it is given back.
    const finalizers = [...new Set([...(service.metadata.finalizers ?? []), finalizer])];
    if (!(await write(service, { metadata: { finalizers }, status: statusOf(ingress) }))) return undefined;
    // Addresses of nodes are shared by all Services; only those of a pool are one Service's own.
    if (pool)
      given.set(
        key,
        ingress.map((i) => i.ip ?? ''),
      );
    if (ingress.length === 0 || deepEqual(before, ingress)) return undefined;
    if (pool || before.length === 0) event(service, 'EnsuredLoadBalancer', 'Ensured load balancer');
    else event(service, 'UpdatedLoadBalancer', 'Updated load balancer with new hosts');
    logger.info('Load balancer addresses given', { service: key, addresses: ingress.map((i) => i.ip) });
    // Where an address was given up for another, those that went without may have it.
    if (before.some((i) => !ingress.some((now) => now.ip === i.ip))) requeueWaiting();
    return undefined;
  }

  /** Gives back what a Service had that goes away or is of another type now. */
  async function takeDown(service: Service): Promise<void> {
    // The status does not tell any more: the API server clears it with the change of the type.
    event(service, 'DeletingLoadBalancer', 'Deleting load balancer');
    const finalizers = (service.metadata.finalizers ?? []).filter((f) => f !== finalizer);
    const left = finalizers.length > 0 ? finalizers : null;
    if (await write(service, { metadata: { finalizers: left }, status: statusOf([]) })) {
      event(service, 'DeletedLoadBalancer', 'Deleted load balancer');
    }
  }

  function event(service: Service, reason: string, message: string, type: 'Normal' | 'Warning' = 'Normal'): void {
    recorder.event(service, type, reason, message);
  }

  /**
   * Finalizers and status in one write, by the status subresource as the role of Kubernetes' service controller
   * allows. Whether it was written: a Service that is changed or gone comes here again by the event of that.
   */
  async function write(service: Service, change: { metadata?: object; status: object }): Promise<boolean> {
    const { namespace = '', name, resourceVersion } = service.metadata;
    const body = { ...change, metadata: { ...change.metadata, resourceVersion } };
    try {
      await serviceClient.namespace(namespace).patch(name, body, { type: 'merge', subresource: 'status' });
      return true;
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
      return false;
    }
  }

  /** An address or port became free: those that went without may have it. */
  function requeueWaiting(): void {
    for (const s of services.lister.list()) if (isOurs(s) && ingressIps(s).length === 0) reconciler.queue.add(keyOf(s));
  }

  const reconciler = new Reconciler({ name: 'service-lb-controller', logger, workers: 1, reconcile });
  services.addEventHandler({
    delete: (s) => {
      if (isOurs(s)) requeueWaiting();
    },
  });
  const isOurConcern = (s: Service) => isOurs(s) || hasFinalizer(s);
  const facts = ({ metadata, spec, status }: Node) => [
    metadata.labels,
    spec?.taints,
    status?.conditions?.find((c) => c.type === 'Ready')?.status,
    status?.addresses,
  ];
  return reconciler
    .watch(services, (s, old) => (isOurConcern(s) || (old && isOurConcern(old)) ? [keyOf(s)] : []))
    .watch(nodes, (n, old) => {
      if (pool || (old && deepEqual(facts(n), facts(old)))) return [];
      return services.lister.list().filter(isOurs).map(keyOf);
    });
}

/** For a merge patch: no addresses are no list, as the server has it for a new Service. */
const statusOf = (ingress: V1LoadBalancerIngress[]) => ({
  loadBalancer: { ingress: ingress.length > 0 ? ingress : null },
});

function hasFinalizer(s: Service): boolean {
  return s.metadata.finalizers?.includes(finalizer) ?? false;
}

/** Has a load balancer (of ours: no other's class), and is to have none. */
function needsCleanup(s: Service): boolean {
  const c = s.spec.loadBalancerClass;
  if (!hasFinalizer(s) || (c !== undefined && c !== loadBalancerClass)) return false;
  return s.metadata.deletionTimestamp !== undefined || s.spec.type !== 'LoadBalancer';
}
