import { isSchedulerConfiguration } from '../config/load.js';

/**
 * kube-scheduler's --config names a KubeSchedulerConfiguration, every other process's --config a file of flag names.
 * Both work here: by its kind, the former is passed on as --scheduler-config.
 */
export function useSchedulerConfigFlag(argv: readonly string[]): string[] {
  return argv.flatMap((arg, i) => {
    if (arg === '--config' && isConfiguration(argv[i + 1])) return ['--scheduler-config'];
    const file = /^--config=(.*)$/.exec(arg)?.[1];
    return isConfiguration(file) ? [`--scheduler-config=${file}`] : [arg];
  });
}

/** A file that can't be read is left to the flag parser, which says so. */
function isConfiguration(file: string | undefined): boolean {
  if (!file) return false;
  try {
    return isSchedulerConfiguration(file);
  } catch {
    return false;
  }
}
