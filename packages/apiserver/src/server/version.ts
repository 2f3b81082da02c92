import { gitCommit } from './git-commit.js';

/** The Kubernetes API level that the generated types are of (@kubernetes/client-node 1.3). */
export const apiLevel = { major: '1', minor: '33', gitVersion: 'v1.33.0' };

const commit = gitCommit();

/** GET /version (version.Info). */
export function versionInfo() {
  return {
    major: apiLevel.major,
    minor: apiLevel.minor,
    emulationMajor: apiLevel.major,
    emulationMinor: apiLevel.minor,
    minCompatibilityMajor: apiLevel.major,
    minCompatibilityMinor: String(Number(apiLevel.minor) - 1),
    gitVersion: `${apiLevel.gitVersion}+kubelab`,
    gitCommit: commit,
    gitTreeState: 'clean',
    buildDate: '2025-04-23T13:00:00Z',
    goVersion: `node${process.versions.node}`,
    compiler: 'tsc',
    platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}
