import type { V1Node } from '@kubelab/api';
import { type Client, gvr, InformerFactory } from '@kubelab/client';
import type { RunningComponent } from '@kubelab/component-base';
import { NodeNetwork } from './node-network.js';
import type { NodeNetworkOptions, Peer } from './options.js';

export interface StartNodeNetworkOptions extends NodeNetworkOptions {
  client: Client;
  /** Shared informers of the process; made (and started) here if absent. If given, the caller starts them. */
  informers?: InformerFactory;
  signal: AbortSignal;
}

export interface RunningNodeNetwork extends RunningComponent {
  network: NodeNetwork;
}

/** A Node as a peer: its internal addresses and the pod CIDRs that node IPAM gave it. */
export function peerOf(node: V1Node): Peer {
  const cidrs = node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : []);
  const ips = (node.status?.addresses ?? []).filter((a) => a.type === 'InternalIP').map((a) => a.address);
  return { name: node.metadata?.name ?? '', ips, podCidrs: cidrs };
}

/**
 * Starts the pod network of this node: returns at once, works when the Node objects are known. stop() ends the work
 * and leaves the network as it is, for the pods that go on running.
 */
export async function startNodeNetwork(o: StartNodeNetworkOptions): Promise<RunningNodeNetwork> {
  const network = await NodeNetwork.create(o, o.signal);
  const informers = o.informers ?? new InformerFactory(o.client, { logger: o.logger });
  const nodes = informers.informer<V1Node>(gvr.nodes);
  nodes.addEventHandler({
    add: (n) => network.setPeer(peerOf(n)),
    update: (_old, n) => network.setPeer(peerOf(n)),
    delete: (n) => network.removePeer(n.metadata?.name ?? ''),
  });
  if (!o.informers) informers.start(o.signal);
  // Routes of peers not yet listed must not be removed: no work before the first full list.
  const running = nodes.waitForSync(o.signal).then(() => (o.signal.aborted ? undefined : network.run()));
  return {
    network,
    async stop() {
      await running;
    },
  };
}
