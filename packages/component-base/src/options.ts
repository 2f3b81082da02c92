import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { parseDurationMs } from './duration.js';
import { printHelp } from './options-help.js';

/** `string[]` takes values apart at commas; `stringArray` takes each as it is. Both may be given several times. */
export type OptionType = 'string' | 'number' | 'boolean' | 'duration' | 'string[]' | 'stringArray';

/** One flag of a process. The flag's name is kebab-case, as Kubernetes' flags are. */
export interface OptionSpec {
  type: OptionType;
  default?: string | number | boolean | string[];
  description: string;
  required?: boolean;
}

export type OptionSpecs = Record<string, OptionSpec>;

type Value = string | number | boolean | string[];

/** A bad flag, file or value. The message says which, and is meant for the person who typed it. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}

/** The flags' values after defaults, the configuration file and the command line, in this order of precedence. */
export class OptionValues {
  constructor(
    private readonly specs: OptionSpecs,
    private readonly values: Map<string, Value>,
  ) {}

  string(name: string): string {
    return this.optionalString(name) ?? '';
  }

  optionalString(name: string): string | undefined {
    const value = this.get(name, 'string');
    return value === undefined || value === '' ? undefined : String(value);
  }

  number(name: string): number {
    return Number(this.get(name, 'number') ?? 0);
  }

  boolean(name: string): boolean {
    return this.get(name, 'boolean') === true;
  }

  strings(name: string): string[] {
    const value = this.get(name, 'string[]', 'stringArray');
    return Array.isArray(value) ? value : [];
  }

  durationMs(name: string): number {
    return Number(this.get(name, 'duration') ?? 0);
  }

  /** Whether the flag was given on the command line or in the file, and not just defaulted. */
  isSet(name: string): boolean {
    return this.values.has(name);
  }

  private get(name: string, ...types: OptionType[]): Value | undefined {
    const spec = this.specs[name];
    if (!spec) {
      throw new OptionError(`no such option: --${name}`);
    }
    if (!types.includes(spec.type)) {
      throw new OptionError(`option --${name} is a ${spec.type}, not a ${types.join(' or ')}`);
    }
    const value = this.values.get(name);
    return value ?? (spec.default === undefined ? undefined : convert(name, spec, spec.default));
  }
}

/** Options that every process has. */
export const commonOptions: OptionSpecs = {
  config: { type: 'string', description: 'YAML file of option values, keyed by flag name; flags win over it' },
  v: { type: 'number', default: 0, description: 'Log verbosity: 0 info, 1 and above debug' },
  'logging-format': { type: 'string', default: 'text', description: 'Log format: text or json' },
  version: { type: 'boolean', default: false, description: 'Print the version and exit' },
  help: { type: 'boolean', default: false, description: 'Print this help and exit' },
};

/**
 * Parses a process's command line. `--help` and `--version` print and end the process. Throws an OptionError for an
 * unknown flag, a value of a wrong type, a missing required flag or an unreadable `--config` file.
 */
export function parseOptions(component: string, specs: OptionSpecs, argv: string[], version = '0.1.0'): OptionValues {
  const all: OptionSpecs = { ...specs, ...commonOptions };
  const flags = parseFlags(all, argv);
  if (flags.get('help') === true) {
    process.stdout.write(printHelp(component, all));
    process.exit(0);
  }
  if (flags.get('version') === true) {
    process.stdout.write(`kubelab-${component} ${version}\n`);
    process.exit(0);
  }
  const file = flags.get('config');
  const values = typeof file === 'string' && file !== '' ? readConfigFile(all, file) : new Map<string, Value>();
  for (const [name, value] of flags) {
    values.set(name, value);
  }
  for (const [name, spec] of Object.entries(all)) {
    if (spec.required && !values.has(name)) {
      throw new OptionError(`required option --${name} is missing`);
    }
  }
  return new OptionValues(all, values);
}

function parseFlags(specs: OptionSpecs, argv: string[]): Map<string, Value> {
  const values = new Map<string, Value>();
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] as string;
    if (!arg.startsWith('-')) {
      throw new OptionError(`unexpected argument ${JSON.stringify(arg)}`);
    }
    const equals = arg.indexOf('=');
    const name = arg.slice(0, equals < 0 ? undefined : equals).replace(/^--?/, '');
    const spec = specs[name];
    if (!spec) {
      throw new OptionError(`unknown option --${name}`);
    }
    let text: string;
    if (equals >= 0) {
      text = arg.slice(equals + 1);
    } else if (spec.type === 'boolean') {
      text = 'true';
    } else {
      const next = argv[++i];
      if (next === undefined) {
        throw new OptionError(`option --${name} needs a value`);
      }
      text = next;
    }
    const value = convert(name, spec, text);
    const before = values.get(name);
    values.set(name, Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value);
  }
  return values;
}

function readConfigFile(specs: OptionSpecs, file: string): Map<string, Value> {
  let content: unknown;
  try {
    content = parseYaml(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new OptionError(`cannot read --config ${file}: ${(cause as Error).message}`, { cause });
  }
  if (content === null || content === undefined) {
    return new Map();
  }
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new OptionError(`--config ${file}: expected a map of option names to values`);
  }
  const values = new Map<string, Value>();
  for (const [name, value] of Object.entries(content)) {
    const spec = specs[name];
    if (!spec) {
      throw new OptionError(`--config ${file}: unknown option ${name}`);
    }
    values.set(name, convert(name, spec, value as Value));
  }
  return values;
}

function convert(name: string, spec: OptionSpec, raw: Value): Value {
  switch (spec.type) {
    case 'string':
      return String(raw);
    case 'number': {
      const value = typeof raw === 'number' ? raw : Number(String(raw).trim() || Number.NaN);
      if (!Number.isFinite(value)) {
        throw new OptionError(`option --${name}: ${JSON.stringify(raw)} is not a number`);
      }
      return value;
    }
    case 'boolean': {
      const text = String(raw).toLowerCase();
      if (text !== 'true' && text !== 'false') {
        throw new OptionError(`option --${name}: ${JSON.stringify(raw)} is neither true nor false`);
      }
      return text === 'true';
    }
    case 'duration':
      if (typeof raw === 'number') {
        return raw;
      }
      try {
        return parseDurationMs(String(raw));
      } catch (cause) {
        throw new OptionError(`option --${name}: ${(cause as Error).message}`, { cause });
      }
    case 'stringArray':
      return Array.isArray(raw) ? raw.map(String) : [String(raw)];
    case 'string[]':
      return Array.isArray(raw)
        ? raw.map(String)
        : String(raw)
            .split(',')
            .filter((part) => part !== '');
  }
}
