export * from './build.js';
export { connectOptions } from './connect-options.js';
export * from './connector.js';
export { KubeletConnection, type KubeletConnectionOptions } from './kubelet-connection.js';
export { splitSchemeNamePort } from './proxy.js';
