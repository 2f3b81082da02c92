import { request as httpRequest, type RequestOptions } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as netConnect } from 'node:net';

/**
 * GETs a health URL once and says whether it answered 200. Certificates are not verified: the probe asks this machine's
 * own processes, some with self-signed certificates, and sends nothing secret.
 */
export function httpOk(url: string, timeoutMs = 2000): Promise<boolean> {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return answers200(protocol === 'https:', { host, port, path: pathname + search, timeout: timeoutMs });
}

/** The same over a unix socket. */
export function socketHttpOk(socketPath: string, path: string, timeoutMs = 2000): Promise<boolean> {
  return answers200(false, { socketPath, path, timeout: timeoutMs });
}

/** Whether a gRPC (HTTP/2) server on a unix socket answers a ping: one that hangs still has its connections accepted. */
export function http2Ok(socketPath: string, timeoutMs = 2000): Promise<boolean> {
  return new Promise((resolve) => {
    const session = http2Connect('http://localhost', { createConnection: () => netConnect(socketPath) });
    const finish = (ok: boolean) => {
      clearTimeout(limit);
      session.destroy();
      resolve(ok);
    };
    const limit = setTimeout(() => finish(false), timeoutMs);
    session.once('error', () => finish(false));
    session.once('close', () => finish(false));
    session.once('connect', () => session.ping((error) => finish(error === null)));
  });
}

function answers200(tls: boolean, options: RequestOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const send = tls ? httpsRequest : httpRequest;
    const req = send({ ...options, rejectUnauthorized: false, agent: false }, (res) => {
      res.resume();
      resolve(res.statusCode === 200);
    });
    req.on('timeout', () => req.destroy());
    req.on('error', () => resolve(false));
    req.end();
  });
}
