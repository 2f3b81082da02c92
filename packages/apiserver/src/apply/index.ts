export { applyConfiguration, type TrackedWrite, trackFields } from './field-tracking.js';
export { checkWriteOptions } from './write-options.js';
