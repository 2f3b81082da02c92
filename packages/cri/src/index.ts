/** The CRI (runtime.v1) and device plugin (v1beta1) wire contracts: message types, client and server. */

export {
  type CgroupName,
  cgroupfsPath,
  parseCgroupName,
  sliceComponent,
  sliceName,
  slicePath,
} from './cgroup-name.js';
export type { CallOptions, ConnectOptions } from './client.js';
export { CriClient, defaultCallTimeoutMs } from './client.js';
export { DevicePluginClient, serveDeviceRegistration } from './device-plugin.js';
export { CriError, isAlreadyExists, isNotFound, isUnavailable, type StatusName } from './errors.js';
export type * as deviceplugin from './generated/deviceplugin.js';
export type * from './generated/runtime.js';
export type { HandlerContext, ImageHandlers, RuntimeHandlers } from './handlers.js';
export type { CriServer, ServeOptions } from './server.js';
export { serveCri } from './server.js';
export { socketAddress } from './socket.js';
