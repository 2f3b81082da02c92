import { type Client, credentials, Metadata, type ServiceClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { CriError } from './errors.js';
import type { ImageServiceDefinition, RuntimeServiceDefinition } from './generated/runtime.js';
import type { StreamCalls, UnaryCalls } from './handlers.js';
import { loadServices, maxMessageBytes, serviceOf } from './load.js';
import { socketAddress } from './socket.js';

/** kubelet's --runtime-request-timeout. */
export const defaultCallTimeoutMs = 120_000;

/** Calls that may take as long as the network or the workload does have no deadline of their own. */
const openEnded = new Set(['PullImage', 'ExecSync', 'StopContainer', 'CheckpointContainer']);

export interface ConnectOptions {
  /** Deadline of each call in milliseconds, unless the call says otherwise. Default 2 minutes. */
  timeoutMs?: number;
}

export interface CallOptions {
  /** Cancels the call. */
  signal?: AbortSignal;
  /** Deadline in milliseconds from now; 0 is none. */
  timeoutMs?: number;
}

/**
 * A connection to a CRI runtime: every method of runtime.v1 in camel case; failures reject with CriError.
 * `getContainerEvents` yields what happens from now on and ends with a CriError when the runtime goes away: events in
 * between are lost, so the caller lists again before it reads on.
 */
export type CriClient = UnaryCalls<RuntimeServiceDefinition, CallOptions> &
  UnaryCalls<ImageServiceDefinition, CallOptions> &
  StreamCalls<RuntimeServiceDefinition, CallOptions> &
  StreamCalls<ImageServiceDefinition, CallOptions> & { close(): void };

export const CriClient = {
  /**
   * A client of the runtime at `endpoint` (unix:///path or a path). The connection is made at the first call and made
   * again whenever it breaks.
   */
  connect(endpoint: string, options: ConnectOptions = {}): CriClient {
    const services = loadServices('cri/runtime/v1/api.proto', 'runtime.v1');
    const timeoutMs = options.timeoutMs ?? defaultCallTimeoutMs;
    const client: Record<string, unknown> = {};
    const connections: Client[] = [];
    for (const name of ['RuntimeService', 'ImageService']) {
      const Service = serviceOf(services, name);
      const connection = connectService(Service, endpoint);
      connections.push(connection);
      for (const [method, definition] of Object.entries(Service.service)) {
        const key = method.charAt(0).toLowerCase() + method.slice(1);
        const fallback = openEnded.has(method) ? 0 : timeoutMs;
        client[key] = definition.responseStream
          ? (request: object, call?: CallOptions) => streamCall(connection, definition, request, call)
          : (request: object, call?: CallOptions) => unaryCall(connection, definition, request, fallback, call);
      }
    }
    client.close = () => {
      for (const connection of connections) connection.close();
    };
    // Assembled from the service definitions that CriClient's type is computed from.
    return client as unknown as CriClient;
  },
};

/** A connection for one service on a unix socket, reconnecting quickly: a local runtime is down for seconds only. */
export function connectService(Service: ServiceClientConstructor, endpoint: string): Client {
  return new Service(socketAddress(endpoint), credentials.createInsecure(), {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 3_000,
    'grpc.default_authority': 'localhost',
  });
}

type Definition = ServiceClientConstructor['service'][string];

export function unaryCall(
  connection: Client,
  definition: Definition,
  request: object,
  fallbackTimeoutMs: number,
  options: CallOptions = {},
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    if (signal?.aborted) {
      reject(new CriError('CANCELLED', `${definition.path}: cancelled`));
      return;
    }
    const timeoutMs = options.timeoutMs ?? fallbackTimeoutMs;
    const onAbort = () => call.cancel();
    const done = (error: ServiceError | null, value?: unknown) => {
      signal?.removeEventListener('abort', onAbort);
      if (error) reject(CriError.from(error));
      else resolve(value);
    };
    const { path, requestSerialize, responseDeserialize } = definition;
    const deadline = timeoutMs > 0 ? { deadline: Date.now() + timeoutMs } : {};
    const call = connection.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      deadline,
      done,
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export async function* streamCall(
  connection: Client,
  definition: Definition,
  request: object,
  options: CallOptions = {},
): AsyncGenerator<never> {
  const { path, requestSerialize, responseDeserialize } = definition;
  const call = connection.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, new Metadata());
  const onAbort = () => call.cancel();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) call.cancel();
  try {
    for await (const message of call) yield message as never;
  } catch (error) {
    if (!options.signal?.aborted) throw CriError.from(error);
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    call.cancel();
  }
}
