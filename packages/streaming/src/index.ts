/** Streams of exec, attach and port-forward: SPDY/3.1 and WebSocket, server and client, and raw pass-through. */
export { type HeaderLines, refuseUpgrade } from './http-reply.js';
export {
  isSpdyRequest,
  isWebSocketRequest,
  offeredStreamProtocols,
  offeredWebSocketProtocols,
} from './negotiate.js';
export { connectPortForward, type PortForwardClient } from './portforward/client.js';
export { portForwardProtocol, portsOf, servePortForward, tunnelProtocol } from './portforward/serve.js';
export type { PortForwardHandler } from './portforward/types.js';
export { joinConnections, type ProxyUpgradeOptions, proxyUpgrade } from './proxy-upgrade.js';
export { connectCommand, type RemoteCommand } from './remotecommand/client.js';
export { ResizeQueue, type TerminalSize } from './remotecommand/resize.js';
export { serveAttach, serveCommand, serveExec } from './remotecommand/serve.js';
export { type CommandStatus, commandStatus } from './remotecommand/status.js';
export {
  type CommandHandler,
  type CommandStreams,
  type StreamOptions,
  spdyProtocols,
  streamOptionsOf,
  webSocketProtocols,
} from './remotecommand/types.js';
export type { SpdyHeaders } from './spdy/headers.js';
export { SpdySession } from './spdy/session.js';
export { SpdyStream } from './spdy/stream.js';
export { acceptSpdy, type DialSpdyOptions, dialSpdy, UpgradeRefusedError } from './spdy/upgrade.js';
export { readerProtocols, serveReader } from './websocket/reader.js';
