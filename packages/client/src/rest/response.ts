import type { IncomingMessage } from 'node:http';
import { newGenericServerResponse, type Status, StatusError } from '@kubelab/apimachinery';

/** Reads a whole body. Rejects when the connection breaks before its end. */
export async function readBody(res: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/** The error that an answer with a failure code stands for: its Status if it is one, else a generic one. */
export function errorFromResponse(res: IncomingMessage, body: Buffer, method: string): StatusError {
  const code = res.statusCode ?? 500;
  const text = body.toString('utf8');
  const status = parseStatus(res, text);
  if (status) return new StatusError({ ...status, code: status.code ?? code });
  const retryAfter = retryAfterSeconds(res);
  return newGenericServerResponse(
    code,
    method,
    { group: '', resource: '' },
    '',
    text.trim().slice(0, 2048),
    retryAfter,
    true,
  );
}

/** Seconds of the Retry-After header (RFC 9110 10.2.3, the delay form only), 0 if there is none. */
export function retryAfterSeconds(res: IncomingMessage): number {
  const value = Number(res.headers['retry-after']);
  return Number.isFinite(value) && value > 0 ? value : 0;
}

function parseStatus(res: IncomingMessage, text: string): Status | undefined {
  if (!/json/.test(res.headers['content-type'] ?? '')) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Status> | null;
    return value?.kind === 'Status' ? (value as Status) : undefined;
  } catch {
    return undefined; // a proxy's answer that only claims to be JSON: reported as a generic error with its text
  }
}
