import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { V1Container, V1HTTPGetAction } from '@kubelab/api';

/** The kubelet reads this much of an answer. */
const maxBodyBytes = 10 * 1024;

export interface HttpAnswer {
  status: number;
  body: string;
  location: string | undefined;
}

/** A named or numbered port of a container. Throws when there is no such port. */
export function resolvePort(port: number | string, container: V1Container): number {
  const number = typeof port === 'number' ? port : Number(port);
  const named = container.ports?.find((candidate) => candidate.name === port);
  const value = named ? named.containerPort : number;
  if (!Number.isInteger(value) || value < 1 || value > 65535) throw new Error(`invalid port: ${port}`);
  return value;
}

export const urlHost = (host: string) => (host.includes(':') ? `[${host}]` : host);

/** Sends a probe's or hook's HTTP request; certificates are not verified, as in Kubernetes. */
export function httpGet(
  action: V1HTTPGetAction,
  container: V1Container,
  podIp: string,
  options: { timeoutMs: number; userAgent: string; signal?: AbortSignal },
): Promise<HttpAnswer> {
  const https = action.scheme === 'HTTPS';
  const host = action.host || podIp;
  const port = resolvePort(action.port, container);
  const path = action.path ?? '/';
  const headers: Record<string, string> = { 'User-Agent': options.userAgent, Accept: '*/*', Connection: 'close' };
  for (const header of action.httpHeaders ?? []) headers[header.name] = header.value;
  return new Promise((resolve, reject) => {
    const send = https ? httpsRequest : httpRequest;
    const target = {
      host,
      port,
      path: path.startsWith('/') ? path : `/${path}`,
      headers,
      agent: false as const,
      rejectUnauthorized: false,
      signal: options.signal,
    };
    const req = send(target, (res) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const finish = () => {
        clearTimeout(timer);
        const body = Buffer.concat(chunks).toString('utf8', 0, maxBodyBytes);
        resolve({ status: res.statusCode ?? 0, body, location: res.headers.location });
      };
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > maxBodyBytes) {
          finish();
          req.destroy();
        }
      });
      res.on('end', finish);
      res.on('error', reject);
    });
    const timer = setTimeout(() => {
      const url = `${https ? 'https' : 'http'}://${urlHost(host)}:${port}${target.path}`;
      const text = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
      req.destroy(new Error(`Get "${url}": ${text}`));
    }, options.timeoutMs);
    req.on('error', (error) => {
      clearTimeout(timer);
      reject(describe(error, `${https ? 'https' : 'http'}://${urlHost(host)}:${port}${target.path}`));
    });
    req.end();
  });
}

/** Go's words for what Node's socket errors say. */
function describe(error: NodeJS.ErrnoException & { address?: string; port?: number }, url: string): Error {
  if (error.message.startsWith('Get "')) return error;
  const address = error.address ? `${urlHost(error.address)}:${error.port}` : '';
  const text =
    error.code === 'ECONNREFUSED'
      ? `dial tcp ${address}: connect: connection refused`
      : error.code === 'EHOSTUNREACH'
        ? `dial tcp ${address}: connect: no route to host`
        : error.code === 'ECONNRESET'
          ? 'EOF'
          : error.message;
  return new Error(`Get "${url}": ${text}`, { cause: error });
}
