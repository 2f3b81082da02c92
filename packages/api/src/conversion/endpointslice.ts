import type { V1Endpoint, V1EndpointSlice } from '../generated/types.js';

const ZONE = 'topology.kubernetes.io/zone';
const HOSTNAME = 'kubernetes.io/hostname';

interface OldEndpoint extends Omit<V1Endpoint, 'deprecatedTopology' | 'zone'> {
  topology?: { [key: string]: string };
}
/** EndpointSlice of discovery.k8s.io/v1beta1: the zone and the node's name are topology labels. */
export interface OldEndpointSlice extends Omit<V1EndpointSlice, 'endpoints'> {
  endpoints?: OldEndpoint[];
}

/** To discovery.k8s.io/v1. */
export function endpointSliceToStorage(old: OldEndpointSlice): V1EndpointSlice {
  return {
    ...old,
    endpoints: (old.endpoints ?? []).map(({ topology, ...e }) => {
      const { [ZONE]: zone, [HOSTNAME]: hostname, ...rest } = topology ?? {};
      return {
        ...e,
        ...(zone === undefined ? {} : { zone }),
        ...(e.nodeName === undefined && hostname !== undefined ? { nodeName: hostname } : {}),
        ...(Object.keys(rest).length > 0 ? { deprecatedTopology: rest } : {}),
      };
    }),
  };
}

/** From discovery.k8s.io/v1. */
export function endpointSliceFromStorage(stored: V1EndpointSlice): OldEndpointSlice {
  return {
    ...stored,
    endpoints: (stored.endpoints ?? []).map(({ deprecatedTopology, zone, ...e }) => {
      const topology = {
        ...deprecatedTopology,
        ...(zone === undefined ? {} : { [ZONE]: zone }),
        ...(e.nodeName === undefined ? {} : { [HOSTNAME]: e.nodeName }),
      };
      return { ...e, ...(Object.keys(topology).length > 0 ? { topology } : {}) };
    }),
  };
}
