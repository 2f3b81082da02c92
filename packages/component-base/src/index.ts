export { Counter, Gauge, Histogram, Registry } from 'prom-client';
export { parseDurationMs } from './duration.js';
export { FeatureGates, type FeatureSpec } from './feature-gates.js';
export { type HealthCheck, type HealthKind, HealthRegistry } from './health.js';
export { leaderElectionFlags } from './leader-election-flags.js';
export { createLogger, type LogFields, type Logger, type LoggerOptions } from './logger.js';
export { type OperationalServer, type OperationalServerOptions, serveOperational } from './operational-server.js';
export {
  commonOptions,
  OptionError,
  type OptionSpec,
  type OptionSpecs,
  type OptionType,
  OptionValues,
  parseOptions,
} from './options.js';
export { type Component, type ComponentContext, type RunningComponent, runComponent } from './run-component.js';
