import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { V1Container, V1HTTPGetAction } from '@kubelab/api';

/** The kubelet reads this much of an answer. */
const maxBodyBytes = 10 * 1024;
const maxRedirects = 10;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

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

/**
 * Sends a probe's or hook's HTTP request. Redirects to the same host are followed, one to another host is the answer;
 * certificates are not verified; all as in Kubernetes.
 */
export async function httpGet(
  action: V1HTTPGetAction,
  container: V1Container,
  podIp: string,
  options: { timeoutMs: number; userAgent: string; signal?: AbortSignal },
): Promise<HttpAnswer> {
  const scheme = action.scheme === 'HTTPS' ? 'https' : 'http';
  const path = action.path ?? '/';
  const authority = `${urlHost(action.host || podIp)}:${resolvePort(action.port, container)}`;
  let url = `${scheme}://${authority}${path.startsWith('/') ? path : `/${path}`}`;
  const { hostname } = new URL(url);
  const headers: Record<string, string> = { 'User-Agent': options.userAgent, Accept: '*/*', Connection: 'close' };
  for (const header of action.httpHeaders ?? []) headers[header.name] = header.value;
  const deadline = Date.now() + options.timeoutMs;
  for (let redirects = 0; ; redirects++) {
    const answer = await send(url, headers, deadline, options.signal);
    const next = redirectTarget(answer, url);
    if (!next || next.hostname !== hostname) return answer;
    if (redirects === maxRedirects) throw new Error(`Get "${next.href}": stopped after ${maxRedirects} redirects`);
    url = next.href;
  }
}

function redirectTarget({ status, location }: HttpAnswer, from: string): URL | undefined {
  if (!redirectStatuses.has(status) || !location) return undefined;
  const next = URL.canParse(location, from) ? new URL(location, from) : undefined;
  return next && /^https?:$/.test(next.protocol) ? next : undefined;
}

function send(
  url: string,
  headers: Record<string, string>,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    const req = request(new URL(url), { headers, agent: false, rejectUnauthorized: false, signal }, (res) => {
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
    const timer = setTimeout(
      () => {
        const text = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
        req.destroy(new Error(`Get "${url}": ${text}`));
      },
      Math.max(0, deadline - Date.now()),
    );
    req.on('error', (error) => {
      clearTimeout(timer);
      reject(describe(error, url));
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
