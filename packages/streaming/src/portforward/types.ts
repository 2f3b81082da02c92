import type { Duplex } from 'node:stream';

/**
 * Joins a client's connection with a port of the pod. Resolves when both directions are done; what it rejects with
 * reaches the user's terminal.
 *
 * @param signal aborted when the client is gone
 */
export type PortForwardHandler = (port: number, stream: Duplex, signal: AbortSignal) => Promise<void>;
