export { defaultConfig } from './config/defaults.js';
export { loadConfigFile } from './config/load.js';
export type { SchedulerConfig } from './config/types.js';
export { Scheduler, type SchedulerOptions } from './core/scheduler.js';
