export { routeProtocol } from './ip-command.js';
export { type CleanupOptions, cleanupNodeNetwork, NodeNetwork, vxlanDeviceName } from './node-network.js';
export type { NodeNetworkOptions, Peer, RouteMode } from './options.js';
export { PolicyEnforcer, type PolicyEnforcerOptions } from './policy/policy-enforcer.js';
export { peerOf, type RunningNodeNetwork, type StartNodeNetworkOptions, startNodeNetwork } from './start.js';
