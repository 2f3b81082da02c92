/** Streams of exec, attach and port-forward: SPDY/3.1 and WebSocket, server and client, and raw pass-through. */
export { type HeaderLines, refuseUpgrade } from './http-reply.js';
export { type ProxyUpgradeOptions, proxyUpgrade } from './proxy-upgrade.js';
