export { match, not, type RuleSpec, rule, target } from './build.js';
export { type CanaryOptions, watchCanary } from './canary.js';
export { bareKey, ruleKey, textKey } from './canonical.js';
export { type CommandOptions, Iptables, run } from './command.js';
export { detectBackend } from './detect.js';
export { IptablesError, ParseError, RestoreError } from './errors.js';
export { parseRule, parseSave } from './parse.js';
export { removeChains, removeRules } from './remove.js';
export { renderRule, renderTables } from './render.js';
export {
  type ApplyStats,
  type CompareOptions,
  type Drift,
  type Hook,
  Restorer,
  type RestorerOptions,
} from './restorer.js';
export { SyncLoop, type SyncLoopOptions } from './sync-loop.js';
export {
  type Backend,
  type BuiltinChain,
  builtinChains,
  type Chain,
  type Counters,
  type Family,
  type Match,
  type Option,
  type Rule,
  type Table,
  type TableName,
  type Target,
  tableNames,
  type Value,
} from './types.js';
