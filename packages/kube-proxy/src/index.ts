export { cleanupKubeProxy } from './cleanup.js';
export type { IpvsOptions } from './ipvs/options.js';
export { checkIpvsSupport, IpvsUnsupportedError } from './ipvs/support.js';
export { KubeProxy } from './kube-proxy.js';
export { type ProxyMode, type ProxyOptions, proxyModes } from './options.js';
export { type StartKubeProxyOptions, startKubeProxy } from './start.js';
