/** Outcome of a plugin's step, as the scheduling framework names them (KEP-624). */
export type Code =
  | 'Success'
  /** Something broke; the pod is tried again with back-off. */
  | 'Error'
  /** Not now; preemption may help. */
  | 'Unschedulable'
  /** Not now, and preemption can't help. */
  | 'UnschedulableAndUnresolvable'
  /** Permit: wait for approval. */
  | 'Wait'
  /** The plugin has nothing to do for this pod. */
  | 'Skip'
  /** Something outside must happen first. */
  | 'Pending';

/** A result other than plain success. Steps return undefined for success. */
export class Status {
  plugin = '';

  constructor(
    readonly code: Code,
    readonly reasons: readonly string[] = [],
    readonly cause?: unknown,
  ) {}

  get message(): string {
    return this.reasons.join(', ');
  }

  /** Whether the pod was turned down, in contrast to a failure of the plugin. */
  get rejected(): boolean {
    return this.code === 'Unschedulable' || this.code === 'UnschedulableAndUnresolvable' || this.code === 'Pending';
  }

  static skip = new Status('Skip');

  static error(cause: unknown): Status {
    return new Status('Error', [cause instanceof Error ? cause.message : String(cause)], cause);
  }
}

/** The same status every time: filters return these for thousands of nodes. */
export const unschedulable = (...reasons: string[]): Status => new Status('Unschedulable', reasons);
export const unresolvable = (...reasons: string[]): Status => new Status('UnschedulableAndUnresolvable', reasons);
