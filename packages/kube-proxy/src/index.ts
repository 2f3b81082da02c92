export { cleanupKubeProxy } from './cleanup.js';
export { KubeProxy } from './kube-proxy.js';
export type { ProxyMode, ProxyOptions } from './options.js';
export { type StartKubeProxyOptions, startKubeProxy } from './start.js';
