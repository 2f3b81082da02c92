/** How the node agents of a cluster program Services, and how pods of different nodes reach each other. */
export interface NetworkModes {
  proxyMode: ProxyMode;
  routeMode: RouteMode;
}

export const proxyModes = ['iptables', 'nftables', 'ipvs'] as const;
export type ProxyMode = (typeof proxyModes)[number];

/** `auto`: a plain route to nodes on the same link, VXLAN to the others. */
export const routeModes = ['auto', 'host-gw', 'vxlan'] as const;
export type RouteMode = (typeof routeModes)[number];

/** The modes of a cluster that was made before they could be chosen, and of one for which none are. */
export const defaultNetworkModes: NetworkModes = { proxyMode: 'iptables', routeMode: 'auto' };

/** The modes in an object that may name them. */
export function networkModesOf(known: Partial<NetworkModes>): NetworkModes {
  return {
    proxyMode: known.proxyMode ?? defaultNetworkModes.proxyMode,
    routeMode: known.routeMode ?? defaultNetworkModes.routeMode,
  };
}
