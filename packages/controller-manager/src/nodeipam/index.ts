import type { V1Node } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Node } from '../framework/kinds.js';
import { Reconciler } from '../framework/reconciler.js';
import { CidrSet, parseCidr } from './cidr-set.js';

/** Gives each node its pod CIDR, one of each family with dual-stack. */
export const nodeIpamController: ControllerDescriptor = {
  name: 'node-ipam-controller',
  aliases: ['nodeipam'],
  serviceAccount: 'node-controller',
  eventSource: 'cidrAllocator',
  create: (context) => (context.options.allocateNodeCidrs ? newNodeIpamController(context) : undefined),
};

function newNodeIpamController({ client, informers, recorder, logger, options }: ControllerContext): Reconciler {
  const nodes = informers.informer<Node>(gvr.nodes);
  const nodeClient = client.resource<V1Node>(gvr.nodes);
  const sets = options.clusterCidrs.map((text) => {
    const cidr = parseCidr(text);
    return new CidrSet(cidr, cidr.ipv6 ? options.nodeCidrMaskSizeIpv6 : options.nodeCidrMaskSizeIpv4);
  });
  for (const set of sets) {
    // Service addresses are never pods', even where the ranges overlap.
    for (const service of options.serviceCidrs) if (set.contains(service)) set.occupy(service);
  }
  /** What each node holds, to be released when it is gone. Refilled from the nodes at every start. */
  const held = new Map<string, string[]>();

  const occupyAll = (cidrs: string[]): void => {
    for (const cidr of cidrs) for (const set of sets) set.occupy(cidr);
  };

  function noteHeld(node: Node): void {
    const cidrs = podCidrs(node);
    if (cidrs.length === 0) return;
    occupyAll(cidrs);
    held.set(node.metadata.name, cidrs);
  }

  async function reconcile(name: string): Promise<void> {
    const node = nodes.lister.get(undefined, name);
    if (!node) {
      for (const cidr of held.get(name) ?? []) for (const set of sets) set.release(cidr);
      held.delete(name);
      // What another node holds too (a mistake made elsewhere) stays taken.
      for (const cidrs of held.values()) occupyAll(cidrs);
      return;
    }
    if (podCidrs(node).length > 0) {
      noteHeld(node);
      return;
    }
    let cidrs = held.get(name);
    if (!cidrs) {
      cidrs = [];
      for (const set of sets) {
        const cidr = set.allocate();
        if (cidr === undefined) {
          for (const taken of cidrs) for (const other of sets) other.release(taken);
          recorder.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
          throw new Error(
            `failed to allocate cidr from cluster cidr at idx ${sets.indexOf(set)}: CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range`,
          );
        }
        cidrs.push(cidr);
      }
      held.set(name, cidrs);
    }
    try {
      await nodeClient.patch(name, { spec: { podCIDR: cidrs[0], podCIDRs: cidrs } }, { type: 'strategic' });
      logger.info('Pod CIDR given to node', { node: name, cidrs: cidrs.join(',') });
    } catch (error) {
      if (isNotFound(error)) return;
      recorder.event(node, 'Normal', 'CIDRAssignmentFailed', `Node ${name} status is now: CIDRAssignmentFailed`);
      throw error;
    }
  }

  return new Reconciler({
    name: 'node-ipam-controller',
    logger,
    // One at a time: two nodes must never be given the same range.
    workers: 1,
    reconcile,
    // All existing nodes keep their ranges before any new one is given out.
    onStart: () => {
      for (const node of nodes.lister.list()) noteHeld(node);
    },
  }).watch(nodes, (node) => [node.metadata.name]);
}

function podCidrs(node: Node): string[] {
  const cidrs = node.spec.podCIDRs ?? [];
  if (cidrs.length > 0) return cidrs;
  return node.spec.podCIDR ? [node.spec.podCIDR] : [];
}
