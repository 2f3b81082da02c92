import type { Cni } from '@kubelab/cni';
import type { Logger } from '@kubelab/component-base';
import type { OomWatch } from './container/oom.js';
import type { ReadOnlyStages } from './container/read-only-stages.js';
import type { DockerClients } from './docker/client.js';
import type { DockerEvents } from './docker/events.js';
import type { DaemonInfo } from './docker/info.js';
import type { HostFacts } from './host.js';
import type { ImageNameCache } from './image/inspect.js';
import type { ImageUsers } from './image/users.js';
import type { ImageVolumes } from './image/volumes.js';
import type { LogManager } from './logs/manager.js';
import type { NetworkFiles } from './sandbox/network-files.js';
import type { NetworkResults } from './sandbox/network-results.js';
import type { StreamingServer } from './streaming/server.js';

/** What every operation works with. Made once by the service; holds no state of sandboxes or containers itself. */
export interface RuntimeContext {
  docker: DockerClients;
  info: DaemonInfo;
  events: DockerEvents;
  oom: OomWatch;
  cni: Cni;
  networks: NetworkResults;
  networkFiles: NetworkFiles;
  logs: LogManager;
  streaming: StreamingServer;
  imageUsers: ImageUsers;
  imageNames: ImageNameCache;
  imageVolumes: ImageVolumes;
  readOnlyStages: ReadOnlyStages;
  logger: Logger;
  host: HostFacts;
  /** Image of sandbox containers. */
  pauseImage: string;
  /** Folder for what must survive a restart of the shim but belongs to no Docker object. */
  stateDir: string;
}
