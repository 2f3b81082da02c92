export { type Admission, Fairness, type FairnessOptions } from './fairness.js';
export { FairnessConfig } from './fairness-config.js';
export { isLongRunning } from './long-running.js';
export { MaxInFlight } from './max-in-flight.js';
export type { Release } from './queue-set.js';
