import type {
  V1Container,
  V1EndpointSlice,
  V1Namespace,
  V1NetworkPolicy,
  V1Node,
  V1ObjectMeta,
  V1Pod,
  V1PodSpec,
  V1PodStatus,
  V1Service,
} from '@kubelab/api';
import { type Client, gvr, type Informer, InformerFactory } from '@kubelab/client';
import type { RunningComponent } from '@kubelab/component-base';
import { Announcer } from './load-balancer/announcer.js';
import { NodeNetwork } from './node-network.js';
import type { NodeNetworkOptions, Peer } from './options.js';
import { PolicyEnforcer } from './policy/policy-enforcer.js';

export interface StartNodeNetworkOptions extends NodeNetworkOptions {
  client: Client;
  /** Shared informers of the process; made (and started) here if absent. If given, the caller starts them. */
  informers?: InformerFactory;
  /** true: NetworkPolicies are enforced on the pods of this node. */
  networkPolicy?: boolean;
  /** false. kube-proxy on this node is in IPVS mode: policies hold for what it sends to pods too. */
  ipvs?: boolean;
  /** true: load balancer addresses on the link of this node are announced, if it is this node's turn. */
  announceLoadBalancers?: boolean;
  signal: AbortSignal;
}

export interface RunningNodeNetwork extends RunningComponent {
  network: NodeNetwork;
  /** To be called with a new pod's addresses before its containers start: resolves when its policies hold. */
  isolate(pod: V1Pod, ips: string[]): Promise<void>;
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
  const enforcer = (o.networkPolicy ?? true) ? newEnforcer(network, o) : undefined;
  const policies = enforcer && watchPolicies(informers, enforcer, o.signal);
  const announcing = (o.announceLoadBalancers ?? true) ? announce(informers, nodes, o) : undefined;
  if (!o.informers) informers.start(o.signal);
  // Routes of peers not yet listed must not be removed: no work before the first full list.
  const running = nodes.waitForSync(o.signal).then(() => (o.signal.aborted ? undefined : network.run()));
  return {
    network,
    isolate: async (pod, ips) => enforcer?.isolate(slimPod(pod), ips, isStatic(pod)),
    async stop() {
      await Promise.all([running, policies, announcing]);
    },
  };
}

/** Starts announcing, when all nodes and Services are known. */
async function announce(
  informers: InformerFactory,
  nodes: Informer<V1Node>,
  o: StartNodeNetworkOptions,
): Promise<void> {
  const announcer = new Announcer(o);
  // The same informers as kube-proxy's, where the process shares them.
  const labelSelector = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name';
  const services = informers.informer<V1Service>(gvr.services, { labelSelector });
  const slices = informers.informer<V1EndpointSlice>(gvr.endpointslices, { labelSelector });
  services.addEventHandler({
    add: (s) => announcer.setService(s),
    update: (_old, s) => announcer.setService(s),
    delete: (s) => announcer.setService(s, true),
  });
  slices.addEventHandler({
    add: (s) => announcer.setSlice(s),
    update: (_old, s) => announcer.setSlice(s),
    delete: (s) => announcer.setSlice(s, true),
  });
  nodes.addEventHandler({
    add: (n) => announcer.setNode(n),
    update: (_old, n) => announcer.setNode(n),
    delete: (n) => announcer.setNode(n, true),
  });
  await Promise.all([services, slices, nodes].map((i) => (i as Informer<unknown>).waitForSync(o.signal)));
  if (!o.signal.aborted) await announcer.run();
}

function newEnforcer(network: NodeNetwork, o: StartNodeNetworkOptions): PolicyEnforcer {
  const enforcer = new PolicyEnforcer({
    nodeName: o.nodeName,
    iptables: network.iptables,
    ...(o.commandPrefix ? { commandPrefix: o.commandPrefix } : {}),
    ipvs: o.ipvs ?? false,
    logger: o.logger,
    signal: o.signal,
  });
  network.onFlush = () => enforcer.forget();
  network.isIntact = (family) => enforcer.isIntact(family);
  return enforcer;
}

/** Starts enforcing policies, when all that they are made of is known. */
async function watchPolicies(informers: InformerFactory, enforcer: PolicyEnforcer, signal: AbortSignal): Promise<void> {
  const policies = informers.informer<V1NetworkPolicy>(gvr.networkpolicies);
  const namespaces = informers.informer<V1Namespace>(gvr.namespaces);
  const pods = informers.informer<V1Pod>(gvr.pods, { transform: slimPod });
  policies.addEventHandler({
    add: (p) => enforcer.setPolicy(p),
    update: (_old, p) => enforcer.setPolicy(p),
    delete: (p) => enforcer.removePolicy(p),
  });
  namespaces.addEventHandler({
    add: (n) => enforcer.setNamespace(n.metadata?.name ?? '', n.metadata?.labels ?? {}),
    update: (_old, n) => enforcer.setNamespace(n.metadata?.name ?? '', n.metadata?.labels ?? {}),
    delete: (n) => enforcer.setNamespace(n.metadata?.name ?? '', undefined),
  });
  pods.addEventHandler({
    add: (p) => enforcer.setPod(p),
    update: (_old, p) => enforcer.setPod(p),
    delete: (p) => enforcer.removePod(p),
  });
  await Promise.all([policies, namespaces, pods].map((i) => i.waitForSync(signal)));
  if (!signal.aborted) await enforcer.run();
}

/** From a file of this node and not from the API server (kubelet's annotation of the source). */
function isStatic(pod: V1Pod): boolean {
  return (pod.metadata?.annotations?.['kubernetes.io/config.source'] ?? 'api') !== 'api';
}

/** All pods of the cluster are kept: only what policies look at. */
function slimPod(pod: V1Pod): V1Pod {
  const { name, namespace, labels, uid, resourceVersion } = pod.metadata ?? {};
  const container = (c: V1Container): V1Container => ({ name: c.name, ...(c.ports ? { ports: c.ports } : {}) });
  const { nodeName, hostNetwork, containers = [], initContainers = [] } = pod.spec ?? {};
  const { phase, podIP, podIPs } = pod.status ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels, uid, resourceVersion } as V1ObjectMeta,
    spec: {
      nodeName,
      hostNetwork,
      containers: containers.map(container),
      initContainers: initContainers.map(container),
    } as V1PodSpec,
    status: { phase, podIP, podIPs } as V1PodStatus,
  };
}
