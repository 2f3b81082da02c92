import type { V1Service } from '@kubelab/api';
import { deepEqual, isConflict, isNotFound, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Node, Service } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { decideFromNodes, decideFromPool, ingressIps, isOurs } from './decide.js';
import { AddressPool } from './pool.js';

const retryMs = 30_000;

/**
 * Gives Services of type LoadBalancer their addresses: from the pool, whose addresses the node agents announce on
 * their link, or without a pool those of the nodes, where kube-proxy takes the Services' ports.
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
      if (given.delete(key)) requeueWaiting();
      return undefined;
    }
    const all = services.lister.list();
    const others = all.filter((s) => isOurs(s) && keyOf(s) !== key);
    const reserved = new Set([...given].filter(([k]) => k !== key).flatMap(([, ips]) => ips));
    const decision = pool
      ? decideFromPool(service, others, pool, reserved)
      : decideFromNodes(service, others, nodes.lister.list());
    if ('problem' in decision) {
      recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: ${decision.problem}`);
      if (ingressIps(service).length > 0) await write(service, []);
      return { requeueAfterMs: retryMs };
    }
    if (deepEqual(service.status?.loadBalancer?.ingress ?? [], decision.ingress)) return undefined;
    if (ingressIps(service).length === 0) {
      recorder.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
    }
    if (!(await write(service, decision.ingress))) return undefined;
    // Addresses of nodes are shared by all Services; only those of a pool are one Service's own.
    if (pool)
      given.set(
        key,
        decision.ingress.map((i) => i.ip ?? ''),
      );
    recorder.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
    logger.info('Load balancer addresses given', { service: key, addresses: decision.ingress.map((i) => i.ip) });
    return undefined;
  }

  /** Whether it was written: a Service that is changed or gone comes here again by the event of that. */
  async function write(service: Service, ingress: { ip?: string }[]): Promise<boolean> {
    const { namespace = '', name, resourceVersion } = service.metadata;
    const body = { metadata: { resourceVersion }, status: { loadBalancer: { ingress } } };
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
  const ready = (n: Node) => n.status?.conditions?.find((c) => c.type === 'Ready')?.status;
  return reconciler
    .watch(services, (s, old) => (isOurs(s) || (old && isOurs(old)) ? [keyOf(s)] : []))
    .watch(nodes, (n, old) => {
      if (pool || (old && ready(n) === ready(old) && deepEqual(n.status?.addresses, old.status?.addresses))) return [];
      return services.lister.list().filter(isOurs).map(keyOf);
    });
}
