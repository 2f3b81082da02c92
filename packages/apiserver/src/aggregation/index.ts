export { Aggregator } from './aggregator.js';
export type { RemoteGroupVersion } from './api-service.js';
export { LocalApiServices } from './local-api-services.js';
export { AggregationProxy } from './proxy.js';
export { withRemoteDiscovery, withRemoteGroups } from './remote-discovery.js';
export type { RemoteDocuments } from './remote-openapi.js';
export type { ProxyIdentity } from './remote-server.js';
