export type { TrafficCase } from './case.js';
export { iptablesMode } from './modes/iptables.js';
export { ipvsMode } from './modes/ipvs.js';
export { nftablesMode } from './modes/nftables.js';
export { trafficTests } from './run.js';
export { type Mode, Stage } from './stage.js';
