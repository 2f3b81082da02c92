export { SchedulerMetrics } from './metrics.js';
export { feasibleNodesToFind, Scheduler, type SchedulerOptions } from './scheduler.js';
