export { type Command, UsageError } from './command.js';
