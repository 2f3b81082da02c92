import { existsSync } from 'node:fs';

/** The versions of kubectl that are found on this machine. */
export function kubectlVersions(): string[] {
  const found = ['/usr/bin/kubectl', '/usr/local/bin/kubectl'];
  for (let minor = 20; minor <= 35; minor++) {
    found.push(`/usr/lib/google-cloud-sdk/bin/kubectl.1.${minor}`, `/usr/local/bin/kubectl-1.${minor}`);
  }
  return found.filter((path) => existsSync(path));
}
