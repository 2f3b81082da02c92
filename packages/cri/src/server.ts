import { createServer, type Socket } from 'node:net';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { withLocalAuthority } from './authority.js';
import { CriError } from './errors.js';
import type { HandlerContext, ImageHandlers, RuntimeHandlers } from './handlers.js';
import { loadServices, maxMessageBytes, serviceOf } from './load.js';
import { prepareSocket, restrictSocket, socketPath } from './socket.js';

export interface ServeOptions {
  runtime: RuntimeHandlers;
  image: ImageHandlers;
  /** Told of every finished call: for logs and metrics. */
  onCall?(method: string, seconds: number, error?: unknown): void;
}

export interface CriServer {
  /** Lets calls in flight finish for `graceMs` (default 2 s), then cuts them. */
  close(graceMs?: number): Promise<void>;
}

/** Serves runtime.v1 on a unix socket. A leftover socket file is replaced; one in use is an error. */
export async function serveCri(endpoint: string, options: ServeOptions): Promise<CriServer> {
  const services = loadServices('cri/runtime/v1/api.proto', 'runtime.v1');
  return serve(endpoint, [
    [serviceOf(services, 'RuntimeService'), options.runtime, options.onCall],
    [serviceOf(services, 'ImageService'), options.image, options.onCall],
  ]);
}

type Registration = [ServiceClientConstructor, object, ServeOptions['onCall']];

/** Serves any services of loaded proto files on a unix socket. */
export async function serve(endpoint: string, registrations: Registration[]): Promise<CriServer> {
  const path = socketPath(endpoint);
  const server = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
  });
  for (const [Service, handlers, onCall] of registrations) {
    server.addService(Service.service, adapt(Service, handlers as Record<string, Handler | undefined>, onCall));
  }
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(withLocalAuthority(socket));
  });
  await prepareSocket(path);
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(path, resolve);
  });
  await restrictSocket(path);
  return {
    async close(graceMs = 2_000) {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      injector.drain(graceMs);
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
      injector.destroy();
      server.forceShutdown();
    },
  };
}

// Requests and responses are typed where the handlers are written; in between they are just messages.
type Handler = (request: unknown, context: HandlerContext) => unknown;

function adapt(
  Service: ServiceClientConstructor,
  handlers: Record<string, Handler | undefined>,
  onCall: ServeOptions['onCall'],
): UntypedServiceImplementation {
  const implementation: UntypedServiceImplementation = {};
  for (const [method, definition] of Object.entries(Service.service)) {
    const handler = handlers[method.charAt(0).toLowerCase() + method.slice(1)];
    if (!handler) continue;
    const finish = (start: number, done: Promise<void>) => {
      const seconds = () => (performance.now() - start) / 1000;
      done.then(
        () => onCall?.(method, seconds()),
        (error: unknown) => onCall?.(method, seconds(), error),
      );
    };
    implementation[method] = definition.responseStream
      ? (call: ServerWritableStream<unknown, unknown>) => finish(performance.now(), runStream(call, handler))
      : (call: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<unknown>) =>
          finish(performance.now(), runUnary(call, handler, reply));
  }
  return implementation;
}

async function runUnary(
  call: ServerUnaryCall<unknown, unknown>,
  handler: Handler,
  reply: sendUnaryData<unknown>,
): Promise<void> {
  const aborter = new AbortController();
  call.on('cancelled', () => aborter.abort());
  try {
    const response = await handler(call.request, { signal: aborter.signal });
    reply(null, response);
  } catch (error) {
    reply(CriError.from(error).toServiceError());
    throw error;
  }
}

async function runStream(call: ServerWritableStream<unknown, unknown>, handler: Handler): Promise<void> {
  const aborter = new AbortController();
  call.on('cancelled', () => aborter.abort());
  call.on('error', () => aborter.abort());
  // Tells the client that the stream is up, long before there may be a first message.
  call.sendMetadata(new Metadata());
  try {
    for await (const message of handler(call.request, { signal: aborter.signal }) as AsyncIterable<unknown>) {
      if (!call.write(message)) await drained(call, aborter.signal);
    }
    call.end();
  } catch (error) {
    call.emit('error', CriError.from(error).toServiceError());
    throw error;
  }
}

function drained(call: ServerWritableStream<unknown, unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    call.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
