import type { OptionSpecs, OptionValues } from '@kubelab/component-base';

/** A command of `kubelab`; folders and files of commands are spelled as the command line is. */
export interface Command {
  /** Words after `kubelab`: `image load`. */
  name: string;
  /** What stands behind the name in the usage line: `FILE|IMAGE`. */
  arguments?: string;
  summary: string;
  options: OptionSpecs;
  /** Runs the command; returns the exit code, 0 when nothing is returned. */
  run(options: OptionValues, args: string[]): Promise<number | void>;
}

/** A mistake of the person at the keyboard: printed without a stack, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
