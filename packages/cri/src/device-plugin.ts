import { type CallOptions, connectService, streamCall, unaryCall } from './client.js';
import type {
  DevicePluginDefinition,
  EmptyOutput,
  ListAndWatchResponseOutput,
  RegisterRequestOutput,
} from './generated/deviceplugin.js';
import type { UnaryCalls } from './handlers.js';
import { loadServices, serviceOf } from './load.js';
import { type CriServer, serve } from './server.js';

const protoFile = 'deviceplugin/v1beta1/api.proto';

/** A connection to one device plugin (v1beta1). Failures reject with CriError. */
export type DevicePluginClient = UnaryCalls<DevicePluginDefinition, CallOptions> & {
  /** The plugin's devices, again whenever one changes. Ends with an error when the plugin goes away. */
  listAndWatch(request: object, options?: CallOptions): AsyncIterable<ListAndWatchResponseOutput>;
  close(): void;
};

export const DevicePluginClient = {
  /** A client of the plugin that listens on `endpoint` (a unix socket). */
  connect(endpoint: string, timeoutMs = 10_000): DevicePluginClient {
    const Service = serviceOf(loadServices(protoFile, 'v1beta1'), 'DevicePlugin');
    const connection = connectService(Service, endpoint);
    const client: Record<string, unknown> = { close: () => connection.close() };
    for (const [method, definition] of Object.entries(Service.service)) {
      client[method.charAt(0).toLowerCase() + method.slice(1)] = definition.responseStream
        ? (request: object, call?: CallOptions) => streamCall(connection, definition, request, call)
        : (request: object, call?: CallOptions) => unaryCall(connection, definition, request, timeoutMs, call);
    }
    // Assembled from the service definition that the type is computed from.
    return client as unknown as DevicePluginClient;
  },
};

/** Serves v1beta1.Registration on `endpoint` (kubelet.sock of the device plugin directory). */
export function serveDeviceRegistration(
  endpoint: string,
  register: (request: RegisterRequestOutput) => Promise<void>,
): Promise<CriServer> {
  const Service = serviceOf(loadServices(protoFile, 'v1beta1'), 'Registration');
  const handlers = {
    register: async (request: RegisterRequestOutput): Promise<Partial<EmptyOutput>> => {
      await register(request);
      return {};
    },
  };
  return serve(endpoint, [[Service, handlers, undefined]]);
}
