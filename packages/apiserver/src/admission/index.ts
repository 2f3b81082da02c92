export * from './build.js';
export * from './chain.js';
export * from './errors.js';
export * from './plugin.js';
