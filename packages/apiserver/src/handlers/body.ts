import type { IncomingMessage } from 'node:http';
import { decodeProtobuf, ProtobufError } from '@kubelab/api';
import {
  exceedsJsonDepth,
  newBadRequest,
  newRequestEntityTooLarge,
  newUnsupportedMediaType,
  StatusError,
} from '@kubelab/apimachinery';
import { auditOf } from '../audit/index.js';
import { goJsonError } from './go-json-error.js';
import { parseYamlBody } from './yaml-body.js';

/** Largest body, as Kubernetes' MaxRequestBodyBytes. */
export const maxBodyBytes = 3 * 1024 * 1024;

/**
 * Reads a request's body. @throws StatusError RequestEntityTooLarge beyond 3 MB: what follows is not kept in memory
 */
export function readBody(req: IncomingMessage, limit = maxBodyBytes): Promise<Buffer> {
  const tooLarge = () => newRequestEntityTooLarge(`limit is ${limit}`);
  if (Number(req.headers['content-length'] ?? 0) > limit) {
    // The client is sending: read on to its end, so that it sees the answer and not a cut connection.
    req.resume();
    return Promise.reject(tooLarge());
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        chunks.length = 0;
        reject(tooLarge());
      } else {
        chunks.push(chunk);
      }
    });
    req.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    req.on('error', reject);
    req.on('aborted', () => reject(newBadRequest('the client closed the connection')));
  });
}

/** The media type of a body without its parameters, lower case; JSON where the client names none. */
export function mediaTypeOf(req: IncomingMessage): string {
  const header = req.headers['content-type'];
  return header ? (header.split(';', 1)[0] as string).trim().toLowerCase() : 'application/json';
}

const protobuf = 'application/vnd.kubernetes.protobuf';
const bodyTypes = ['application/json', 'application/yaml', protobuf];

/** Parses a JSON, YAML or protobuf body. @throws StatusError UnsupportedMediaType, BadRequest */
export function parseBody(req: IncomingMessage, body: Buffer): unknown {
  const value = parseByType(req, body);
  auditOf(req)?.requestObject(value);
  return value;
}

function parseByType(req: IncomingMessage, body: Buffer): unknown {
  const type = mediaTypeOf(req);
  if (type === 'application/json') {
    return parseJson(body);
  }
  if (type === 'application/yaml') {
    return parseYamlBody(body, 'error converting YAML to JSON');
  }
  if (type === protobuf) {
    try {
      return decodeProtobuf(body);
    } catch (error) {
      if (error instanceof ProtobufError) {
        throw newBadRequest(error.message);
      }
      throw error;
    }
  }
  throw newUnsupportedMediaType(bodyTypes);
}

/** The JSON texts of parsed bodies: strict decoding looks for duplicate members in them. */
const texts = new WeakMap<object, string>();

/** The JSON text that an object was parsed from, if it was. */
export function textOf(parsed: object): string | undefined {
  return texts.get(parsed);
}

/** A body that is no JSON. As it stands it is answered as a BadRequest; those who know more say what was expected. */
export class JsonError extends StatusError {
  constructor(
    readonly problem: string,
    readonly text: string,
  ) {
    super({ code: 400, reason: 'BadRequest', message: `couldn't get version/kind; json parse error: ${problem}` });
  }
}

export function parseJson(body: Buffer): unknown {
  const text = body.toString('utf8');
  if (exceedsJsonDepth(text)) {
    throw newBadRequest("couldn't get version/kind; json parse error: exceeded max depth");
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) {
      texts.set(value, text);
    }
    return value;
  } catch (error) {
    throw new JsonError(goJsonError(text) ?? (error as Error).message, text);
  }
}
