/** The node agent. Run it with main.js; what it is made of is exported for tests and tools. */
export { compileConfig, type KubeletConfig } from './config.js';
export { startKubelet } from './kubelet.js';
export { kubeletVersion } from './node/node-status.js';
export { kubeletOptions } from './options.js';
export type { KubeletDependencies } from './parts.js';
