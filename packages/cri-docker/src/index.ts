/** The CRI shim over Docker. It is a process (main.ts); this is what tests and tools may compose from. */
export type { RuntimeContext } from './context.js';
export { connectDocker, type DockerClients } from './docker/client.js';
export { ensurePauseImage, ownPauseImage } from './pause/image.js';
export { imageHandlers, runtimeHandlers, serveRuntime } from './service.js';
