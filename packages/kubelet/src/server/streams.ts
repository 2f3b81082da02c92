import type { CriClient } from '@kubelab/cri';
import { proxyUpgrade } from '@kubelab/streaming';
import type { Pod } from '../pod/types.js';
import type { RuntimeReader } from '../runtime/reader.js';
import { latestContainer, type RuntimeContainer } from '../runtime/types.js';
import { HttpError, type Route, type ServerRequest } from './server.js';

export interface StreamRoutesOptions {
  cri: CriClient;
  reader: RuntimeReader;
  findPod(namespace: string, name: string, uid?: string): Pod | undefined;
}

/** exec, attach, portForward and run: the runtime's streaming server does the work, the connection is passed through. */
export function streamRoutes(options: StreamRoutesOptions): Route[] {
  const { cri } = options;
  const pass = (request: ServerRequest, socket: import('node:stream').Duplex, head: Buffer, url: string) =>
    proxyUpgrade(request.req, socket, head, new URL(url), { signal: request.signal });
  return [
    {
      prefix: '/exec',
      methods: ['GET', 'POST'],
      upgrade: async (request, socket, head) => {
        const container = await runningContainer(options, request.parts);
        const { searchParams: query } = request.url;
        const cmd = query.getAll('command');
        if (cmd.length === 0) throw new HttpError(400, 'you must specify at least 1 command');
        const { url } = await cri.exec({ container_id: container.id, cmd, ...streams(query) });
        await pass(request, socket, head, url);
      },
    },
    {
      prefix: '/attach',
      methods: ['GET', 'POST'],
      upgrade: async (request, socket, head) => {
        const container = await runningContainer(options, request.parts);
        const { url } = await cri.attach({ container_id: container.id, ...streams(request.url.searchParams) });
        await pass(request, socket, head, url);
      },
    },
    {
      prefix: '/portForward',
      methods: ['GET', 'POST'],
      upgrade: async (request, socket, head) => {
        const [namespace = '', name = '', uid] = request.parts;
        const pod = requirePod(options, namespace, name, uid);
        const state = await options.reader.podState(pod.metadata.uid, name, namespace);
        const sandbox = state.sandboxes.find((candidate) => candidate.ready);
        if (!sandbox) throw new HttpError(500, `pod ${namespace}/${name} has no running sandbox`);
        const { searchParams: query } = request.url;
        const ports = [...query.getAll('port'), ...query.getAll('ports')]
          .flatMap((text) => text.split(','))
          .map(Number);
        const { url } = await cri.portForward({ pod_sandbox_id: sandbox.id, port: ports });
        const target = new URL(url);
        // Ports of a WebSocket request travel in its query.
        for (const port of ports)
          if (!target.searchParams.has('port')) target.searchParams.append('port', String(port));
        await pass(request, socket, head, target.href);
      },
    },
    {
      prefix: '/run',
      methods: ['POST'],
      handle: async (request, res) => {
        const container = await runningContainer(options, request.parts);
        const cmd = (request.url.searchParams.get('cmd') ?? '').split(' ').filter(Boolean);
        if (cmd.length === 0) throw new HttpError(400, 'cmd is missing');
        const answer = await cri.execSync({ container_id: container.id, cmd, timeout: 0 }, { signal: request.signal });
        const failed = answer.exit_code !== 0;
        res.writeHead(failed ? 500 : 200, { 'Content-Type': 'text/plain; charset=utf-8' });
        res.end(Buffer.concat([Buffer.from(answer.stdout), Buffer.from(answer.stderr)]));
      },
    },
  ];
}

function streams(query: URLSearchParams) {
  const on = (name: string, alias: string) =>
    [query.get(name), query.get(alias)].some((value) => value === '1' || value === 'true');
  const tty = on('tty', 'tty');
  const options = {
    stdin: on('input', 'stdin'),
    stdout: on('output', 'stdout'),
    // A terminal has one output stream.
    stderr: !tty && on('error', 'stderr'),
    tty,
  };
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr');
  }
  return options;
}

function requirePod(options: StreamRoutesOptions, namespace: string, name: string, uid?: string): Pod {
  const pod = options.findPod(namespace, name, uid);
  if (!pod) throw new HttpError(404, 'pod does not exist');
  return pod;
}

/** NAMESPACE/POD/CONTAINER or NAMESPACE/POD/UID/CONTAINER. */
async function runningContainer(options: StreamRoutesOptions, parts: string[]): Promise<RuntimeContainer> {
  const [namespace = '', name = ''] = parts;
  const uid = parts.length > 3 ? parts[2] : undefined;
  const containerName = parts[parts.length - 1] ?? '';
  if (parts.length < 3) throw new HttpError(404, '404 page not found');
  const pod = requirePod(options, namespace, name, uid);
  const state = await options.reader.podState(pod.metadata.uid, name, namespace);
  const container = latestContainer(state, containerName);
  if (container?.state !== 'running') throw new HttpError(404, `container not found ("${containerName}")`);
  return container;
}
