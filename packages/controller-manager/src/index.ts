export type { Controller, ControllerContext, ControllerDescriptor } from './framework/controller.js';
export type { ManagerOptions } from './framework/options.js';
export { compileOptions, flags } from './manager/flags.js';
export { type RunOptions, runControllers } from './manager/run-controllers.js';
export { selectControllers } from './manager/selection.js';
export { startManager } from './manager/start.js';
export { controllerTable } from './manager/table.js';
