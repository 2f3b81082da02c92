import { existsSync } from 'node:fs';
import { run, succeeds } from './run.js';

const installing = new Map<string, Promise<void>>();

/**
 * Installs the Debian package that has the program, unless the program is there. A service that the package brings is
 * neither started nor enabled: only the program is wanted.
 */
export function ensureProgram(path: string, debianPackage: string): Promise<void> {
  const started = installing.get(debianPackage);
  if (started) {
    return started;
  }
  const done = existsSync(path) ? Promise.resolve() : install(path, debianPackage);
  installing.set(debianPackage, done);
  return done;
}

async function install(path: string, debianPackage: string): Promise<void> {
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(`${path} is missing, and there is no apt-get to install ${debianPackage} with`);
  }
  // Debian's packages name their service as the program. A masked one is not started by the installation.
  const unit = `${path.slice(path.lastIndexOf('/') + 1)}.service`;
  const hasSystemd = existsSync('/run/systemd/system');
  if (hasSystemd) {
    await run(['systemctl', 'mask', unit]);
  }
  try {
    await run(['apt-get', 'update', '-qq']);
    const options = ['-y', '-qq', '--no-install-recommends'];
    await run(['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', ...options, debianPackage]);
  } finally {
    if (hasSystemd) {
      await run(['systemctl', 'unmask', unit]);
      await succeeds(['systemctl', 'disable', unit]);
    }
  }
  if (!existsSync(path)) {
    throw new Error(`the package ${debianPackage} is installed, but ${path} is not there`);
  }
}
