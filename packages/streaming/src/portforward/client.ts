import type { Duplex } from 'node:stream';
import { type DialSpdyOptions, dialSpdy } from '../spdy/upgrade.js';
import { portForwardProtocol } from './serve.js';

/** A port-forward connection to a pod, over which any number of connections can be made. */
export interface PortForwardClient {
  /** Connects to a port of the pod. `error` resolves to the server's complaint, or '' when all went well. */
  connect(port: number): { stream: Duplex; error: Promise<string> };
  close(): void;
}

/** Opens a port-forward connection over SPDY/3.1 as kubectl does. */
export async function connectPortForward(url: URL, dial: Partial<DialSpdyOptions> = {}): Promise<PortForwardClient> {
  const { session } = await dialSpdy(url, { protocols: [portForwardProtocol], ...dial });
  let nextRequest = 0;
  return {
    connect(port) {
      const common = { port: [String(port)], requestid: [String(nextRequest++)] };
      const error = session.open({ streamtype: ['error'], ...common });
      error.end();
      const stream = session.open({ streamtype: ['data'], ...common });
      return { stream, error: textOf(error) };
    },
    close: () => session.close(),
  };
}

async function textOf(stream: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
