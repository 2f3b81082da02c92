import { newBadRequest } from '@kubelab/apimachinery';
import { proxyUpgrade } from '@kubelab/streaming';
import type { ObjectAccess } from '../object-access.js';
import { isTrue } from './connect-options.js';
import type { ConnectHandler, ConnectRequest } from './connector.js';
import type { KubeletConnection } from './kubelet-connection.js';
import { passHttp } from './pass-http.js';
import { containerOf, getPod } from './pod-target.js';

/** The kubelet's path and query for exec and attach: other names than the API's. */
function execTarget(c: ConnectRequest, base: URL, container: string): URL {
  const target = new URL(base);
  const at = [c.namespace, c.name, container].map(encodeURIComponent).join('/');
  target.pathname = `/${c.subresource}/${at}`;
  const names: Record<string, string> = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };
  for (const [api, kubelet] of Object.entries(names)) {
    if (isTrue(c.query.get(api))) target.searchParams.set(kubelet, '1');
  }
  for (const part of c.query.getAll('command')) target.searchParams.append('command', part);
  return target;
}

/** Passes the connection through, whether it is upgraded or (an error of the client) not. */
async function passStreams(c: ConnectRequest, target: URL, kubelets: KubeletConnection): Promise<void> {
  if (c.upgrade) {
    await proxyUpgrade(c.req, c.upgrade.socket, c.upgrade.head, target, {
      tls: kubelets.tls,
      ...(withoutBearer(c) ?? {}),
    });
    return;
  }
  if (!c.res) throw newBadRequest('Upgrade request required');
  await passHttp(c.req, c.res, target, { agent: kubelets.agent, drop: ['authorization', 'cookie'] });
}

/** A bearer token among the WebSocket's subprotocols was for the API server only. */
function withoutBearer(c: ConnectRequest): { headers: Record<string, string> } | undefined {
  const offered = c.req.headers['sec-websocket-protocol'];
  if (!offered?.includes('base64url.bearer.authorization.k8s.io.')) return undefined;
  const kept = offered
    .split(',')
    .map((p) => p.trim())
    .filter((p) => !p.startsWith('base64url.bearer.authorization.k8s.io.'));
  return { headers: { 'sec-websocket-protocol': kept.join(', ') } };
}

/** pods/exec and pods/attach. */
export function execHandler(objects: ObjectAccess, kubelets: KubeletConnection): ConnectHandler {
  return async (c) => {
    const pod = await getPod(objects, c.namespace, c.name);
    const container = containerOf(pod, c.query.get('container') ?? '');
    const nodeName = pod.spec?.nodeName ?? '';
    if (nodeName === '') throw newBadRequest(`pod ${c.name} does not have a host assigned`);
    await passStreams(c, execTarget(c, await kubelets.urlOf(nodeName), container), kubelets);
  };
}

/** pods/portforward. */
export function portForwardHandler(objects: ObjectAccess, kubelets: KubeletConnection): ConnectHandler {
  return async (c) => {
    const pod = await getPod(objects, c.namespace, c.name);
    const nodeName = pod.spec?.nodeName ?? '';
    if (nodeName === '') throw newBadRequest(`pod ${c.name} does not have a host assigned`);
    const target = await kubelets.urlOf(nodeName);
    target.pathname = `/portForward/${encodeURIComponent(c.namespace)}/${encodeURIComponent(c.name)}`;
    for (const port of c.query.getAll('ports')) target.searchParams.append('port', port);
    await passStreams(c, target, kubelets);
  };
}
