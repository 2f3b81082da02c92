import { copyFileSync, existsSync, renameSync, statSync, truncateSync } from 'node:fs';

export interface LogLimits {
  maxBytes: number;
  /** The file itself and its older ones, FILE.1 the youngest. */
  maxFiles: number;
}

/** As the kubelet rotates containers' logs (containerLogMaxSize, containerLogMaxFiles). */
export const defaultLogLimits: LogLimits = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

/**
 * Moves a log that has grown too long aside. Its writer keeps it open and appends, so the text is copied and the file
 * emptied; what is written in the instant between the two is lost. Returns whether it was rotated.
 */
export function rotateLog(file: string, limits: LogLimits = defaultLogLimits): boolean {
  if (!existsSync(file) || statSync(file).size < limits.maxBytes) {
    return false;
  }
  for (let index = limits.maxFiles - 2; index >= 1; index--) {
    if (existsSync(`${file}.${index}`)) {
      renameSync(`${file}.${index}`, `${file}.${index + 1}`);
    }
  }
  copyFileSync(file, `${file}.1`);
  truncateSync(file, 0);
  return true;
}
