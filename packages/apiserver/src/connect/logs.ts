import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import {
  type FieldError,
  FieldPath,
  field,
  newBadRequest,
  newGenericServerResponse,
  newInternalError,
  newInvalid,
  parseTime,
  StatusError,
} from '@kubelab/apimachinery';
import { isWebSocketRequest, serveReader } from '@kubelab/streaming';
import type { ObjectAccess } from '../object-access.js';
import type { ConnectHandler, ConnectRequest } from './connector.js';
import type { KubeletConnection } from './kubelet-connection.js';
import { passHttp, readText } from './pass-http.js';
import { containerOf, getPod } from './pod-target.js';

const integers = ['tailLines', 'limitBytes', 'sinceSeconds'] as const;

/** Checks PodLogOptions as they come in the query. */
function validate(query: URLSearchParams): FieldError[] {
  const out: FieldError[] = [];
  const root = FieldPath.of();
  for (const name of integers) {
    const text = query.get(name);
    if (text === null || text === '') continue;
    const n = Number(text);
    if (!Number.isInteger(n))
      out.push(
        field.invalid(root.child(name), text, `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`),
      );
    else if (name === 'tailLines' && n < 0)
      out.push(field.invalid(root.child(name), n, 'must be greater than or equal to 0'));
    else if (name !== 'tailLines' && n < 1) out.push(field.invalid(root.child(name), n, 'must be greater than 0'));
  }
  const since = query.get('sinceTime');
  if (since && parseTime(since) === undefined)
    out.push(field.invalid(root.child('sinceTime'), since, 'must be an RFC 3339 time'));
  if (since && query.get('sinceSeconds')) {
    out.push(field.forbidden(root, 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  }
  const stream = query.get('stream');
  if (stream && !['All', 'Stdout', 'Stderr'].includes(stream)) {
    out.push(field.notSupported(root.child('stream'), stream, ['All', 'Stderr', 'Stdout']));
  }
  return out;
}

const passed = ['follow', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines', 'limitBytes', 'stream'];

/** pods/log: streams a container's log from its kubelet. */
export function logHandler(objects: ObjectAccess, kubelets: KubeletConnection): ConnectHandler {
  return async (c) => {
    const errors = validate(c.query);
    if (errors.length > 0) throw newInvalid({ group: '', kind: 'PodLogOptions' }, c.name, errors);
    const pod = await getPod(objects, c.namespace, c.name);
    const container = containerOf(pod, c.query.get('container') ?? '');
    const nodeName = pod.spec?.nodeName ?? '';
    if (nodeName === '') {
      // Not on a node yet: there is no log, which is no error.
      if (!c.res) return overWebSocket(c, Readable.from([]));
      c.res.writeHead(200, { 'content-type': 'text/plain', 'content-length': 0 });
      c.res.end();
      return;
    }
    const target = await kubelets.urlOf(nodeName);
    target.pathname = `/containerLogs/${encodeURIComponent(c.namespace)}/${encodeURIComponent(c.name)}/${encodeURIComponent(container)}`;
    for (const key of passed) {
      const value = c.query.get(key);
      if (value !== null) target.searchParams.set(key, value);
    }
    const { res } = c;
    if (!res) return overWebSocket(c, await openLog(target, kubelets));
    await new Promise<void>((resolve, reject) => {
      passHttp(c.req, res, target, {
        agent: kubelets.agent,
        drop: ['authorization', 'cookie', 'accept', 'accept-encoding'],
        rewriteHeaders: (h) => {
          h['content-type'] = 'text/plain';
        },
        onResponse: (answer) => {
          if ((answer.statusCode ?? 500) < 400) return false;
          readText(answer).then((text) => reject(kubeletError(answer.statusCode ?? 500, text)), reject);
          return true;
        },
      }).then(resolve, (err) => reject(unreachable(target, err)));
    });
  };
}

/** The log as messages of a WebSocket, as browsers want it. */
async function overWebSocket(c: ConnectRequest, log: Readable): Promise<void> {
  if (!c.upgrade || !isWebSocketRequest(c.req)) throw newBadRequest('logs are streamed over HTTP or WebSocket only');
  await serveReader(c.req, c.upgrade.socket, c.upgrade.head, log);
}

/** Asks the kubelet for a log; the answer is the log itself. */
async function openLog(target: URL, kubelets: KubeletConnection): Promise<IncomingMessage> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpsRequest(target, { agent: kubelets.agent }, resolve);
    request.once('error', (error) => reject(unreachable(target, error)));
    request.end();
  });
  const code = answer.statusCode ?? 500;
  if (code >= 400) throw kubeletError(code, await readText(answer));
  return answer;
}

function unreachable(target: URL, error: unknown): StatusError {
  return newInternalError(new Error(`Get ${JSON.stringify(target.href)}: ${(error as Error).message}`));
}

/** A kubelet's error as the API server answers it: its text as the message, under its own code. */
function kubeletError(code: number, text: string): StatusError {
  const generic = newGenericServerResponse(code, 'GET', { group: '', resource: '' }, '', text, 0, true);
  if (text.trim() === '') return generic;
  return new StatusError({ ...generic.status, message: text.trim() });
}
