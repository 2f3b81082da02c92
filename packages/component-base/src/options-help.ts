import type { OptionSpecs } from './options.js';

/** The text of `--help`: every flag with its type, default and description. */
export function printHelp(component: string, specs: OptionSpecs): string {
  const lines = [`Usage: kubelab-${component} [options]`, '', 'Options:'];
  for (const name of Object.keys(specs).sort()) {
    const spec = specs[name];
    if (!spec) {
      continue;
    }
    const fallback =
      spec.default === undefined || spec.default === '' ? '' : ` (default ${JSON.stringify(spec.default)})`;
    lines.push(`  --${name} ${spec.type}${spec.required ? ' (required)' : ''}`, `      ${spec.description}${fallback}`);
  }
  return `${lines.join('\n')}\n`;
}
