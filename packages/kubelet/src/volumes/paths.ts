import { join } from 'node:path';

/** Where the agent keeps the files of a pod, below --root-dir. */
export class PodPaths {
  constructor(readonly rootDir: string) {}

  get pods(): string {
    return join(this.rootDir, 'pods');
  }
  pod(uid: string): string {
    return join(this.pods, uid);
  }
  volumes(uid: string): string {
    return join(this.pod(uid), 'volumes');
  }
  volume(uid: string, folder: string, name: string): string {
    return join(this.volumes(uid), folder, name);
  }
  subPath(uid: string, volume: string, container: string, index: number): string {
    return join(this.pod(uid), 'volume-subpaths', volume, container, String(index));
  }
  etcHosts(uid: string): string {
    return join(this.pod(uid), 'etc-hosts');
  }
  container(uid: string, name: string): string {
    return join(this.pod(uid), 'containers', name);
  }
}

/** NAMESPACE_NAME_UID: the folder of a pod's container logs below the log root. */
export function podLogDirName(namespace: string, name: string, uid: string): string {
  return `${namespace}_${name}_${uid}`;
}
