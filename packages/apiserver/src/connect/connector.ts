import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { UserInfo } from '../authentication/authenticator.js';

/** A request for a connecting subresource (log, exec, attach, portforward, proxy), already authorized and admitted. */
export interface ConnectRequest {
  req: IncomingMessage;
  /** Absent for an upgraded connection. */
  res?: ServerResponse;
  /** The raw connection of an upgrade request (SPDY or WebSocket). */
  upgrade?: { socket: Duplex; head: Buffer };
  user: UserInfo;
  /** `pods`, `nodes`, `services`. */
  resource: string;
  /** `log`, `exec`, `attach`, `portforward`, `proxy`. */
  subresource: string;
  namespace: string;
  name: string;
  /** What follows the subresource in the path, with its leading slash; empty when nothing does. */
  subpath: string;
  query: URLSearchParams;
}

/** Serves a connecting subresource. Errors before the first byte are StatusErrors for the caller to answer. */
export type ConnectHandler = (request: ConnectRequest) => Promise<void>;
