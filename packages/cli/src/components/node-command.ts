import { entryPoint } from '../cluster/layout.js';

/** The command of one of our own processes: this Node, the package's built main, and flags. */
export function nodeCommand(packageName: string, flags: Record<string, string | number | boolean>): string[] {
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  return [process.execPath, entryPoint(packageName), ...args];
}
