import { OptionError } from './options.js';

export interface FeatureSpec {
  default: boolean;
  stage: 'Alpha' | 'Beta' | 'GA' | 'Deprecated';
  /** A GA feature that can no longer be switched. */
  lockToDefault?: boolean;
}

/** Named switches, set by `--feature-gates=Name=true,Other=false` as in Kubernetes. */
export class FeatureGates {
  private readonly set = new Map<string, boolean>();

  constructor(private readonly known: Record<string, FeatureSpec>) {}

  /** Takes `Name=bool` pairs. Throws an OptionError for an unknown name, a locked feature or a bad value. */
  apply(pairs: string[]): void {
    for (const pair of pairs) {
      const [name = '', value = ''] = pair.split('=', 2);
      const spec = this.known[name];
      if (!spec) {
        throw new OptionError(`unrecognized feature gate: ${name}`);
      }
      if (value !== 'true' && value !== 'false') {
        throw new OptionError(`invalid value of ${name}=${value}, expected true or false`);
      }
      const enabled = value === 'true';
      if (spec.lockToDefault && enabled !== spec.default) {
        throw new OptionError(`cannot set feature gate ${name} to ${value}, feature is locked to ${spec.default}`);
      }
      this.set.set(name, enabled);
    }
  }

  enabled(name: string): boolean {
    return this.set.get(name) ?? this.known[name]?.default ?? false;
  }
}
