/** For tests: an API server in memory with what a kubelet asks for. Real merging of patches, no validation. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolveSchema, schemaFor } from '@kubelab/api';
import {
  applyMergePatch,
  applyStrategicMergePatch,
  generateName,
  type KubeObject,
  newUid,
  nowSecond,
  parseFieldSelector,
} from '@kubelab/apimachinery';

const kinds: Record<string, string> = {
  pods: 'Pod',
  nodes: 'Node',
  events: 'Event',
  leases: 'Lease',
  configmaps: 'ConfigMap',
  secrets: 'Secret',
  services: 'Service',
  runtimeclasses: 'RuntimeClass',
  persistentvolumeclaims: 'PersistentVolumeClaim',
  persistentvolumes: 'PersistentVolume',
};

interface Watcher {
  resource: string;
  namespace: string;
  matches(object: KubeObject): boolean;
  res: ServerResponse;
}

interface Target {
  resource: string;
  namespace: string;
  name: string;
  subresource: string;
}

export class FakeApi {
  private readonly objects = new Map<string, KubeObject>();
  private readonly watchers = new Set<Watcher>();
  private version = 1;
  private server: Server | undefined;
  /** How often each "METHOD resource/subresource" was asked for. */
  readonly requests = new Map<string, number>();

  async listen(address: string): Promise<string> {
    const server = createServer((req, res) => {
      this.handle(req, res).catch((error) => this.fail(res, 500, String(error)));
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return `http://${address}:${(server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  /** Puts an object in, as kubectl apply would. */
  put(
    resource: string,
    object: Record<string, unknown> & { metadata: { name: string; namespace?: string } },
  ): KubeObject {
    const full = {
      apiVersion: 'v1',
      kind: kinds[resource] ?? '',
      ...object,
      metadata: { uid: newUid(), creationTimestamp: nowSecond(), ...object.metadata },
    } as KubeObject;
    return this.store(resource, full);
  }

  get<T = KubeObject>(resource: string, namespace: string, name: string): T | undefined {
    return this.objects.get(`${resource}/${namespace}/${name}`) as T | undefined;
  }

  list(resource: string): KubeObject[] {
    return [...this.objects].filter(([key]) => key.startsWith(`${resource}/`)).map(([, object]) => object);
  }

  /** Deletes a pod as the API server does: marks it, with its grace period; grace 0 removes it. */
  deletePod(namespace: string, name: string, grace?: number): undefined {
    const pod = this.get('pods', namespace, name);
    if (!pod) return undefined;
    const spec = pod.spec as { terminationGracePeriodSeconds?: number };
    const seconds = grace ?? spec.terminationGracePeriodSeconds ?? 30;
    if (seconds === 0) return this.remove('pods', pod);
    this.store('pods', {
      ...pod,
      metadata: { ...pod.metadata, deletionTimestamp: nowSecond(), deletionGracePeriodSeconds: seconds },
    });
  }

  private store(resource: string, object: KubeObject): KubeObject {
    const key = `${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    const known = this.objects.has(key);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.version) } };
    this.objects.set(key, stored);
    this.tell(resource, known ? 'MODIFIED' : 'ADDED', stored);
    return stored;
  }

  private remove(resource: string, object: KubeObject): undefined {
    this.objects.delete(`${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`);
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.version) } };
    this.tell(resource, 'DELETED', last);
  }

  private tell(resource: string, type: string, object: KubeObject): void {
    for (const watcher of this.watchers) {
      if (watcher.resource !== resource || !watcher.matches(object)) continue;
      if (watcher.namespace && watcher.namespace !== object.metadata.namespace) continue;
      watcher.res.write(`${JSON.stringify({ type, object })}\n`);
    }
  }

  private async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://api');
    const target = parsePath(url.pathname);
    const counter = `${req.method} ${target.resource}${target.subresource ? `/${target.subresource}` : ''}`;
    this.requests.set(counter, (this.requests.get(counter) ?? 0) + 1);
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body = text ? JSON.parse(text) : undefined;
    if (req.method === 'GET') return this.read(target, url.searchParams, res);
    if (req.method === 'POST') return this.create(target, body, res);
    const current = this.objects.get(`${target.resource}/${target.namespace}/${target.name}`);
    if (!current) return this.fail(res, 404, `${target.resource} "${target.name}" not found`, 'NotFound');
    if (req.method === 'DELETE') {
      if (target.resource === 'pods' && body?.gracePeriodSeconds !== 0) {
        this.deletePod(target.namespace, target.name, body?.gracePeriodSeconds);
      } else {
        this.remove(target.resource, current);
      }
      return send(res, 200, current);
    }
    if (req.method === 'PATCH') return this.patch(target, current, body, req.headers['content-type'] ?? '', res);
    send(res, 200, this.store(target.resource, { ...body, metadata: { ...current.metadata, ...body.metadata } }));
  }

  private read(target: Target, query: URLSearchParams, res: ServerResponse): undefined {
    const { resource, namespace, name } = target;
    if (name) {
      const found = this.objects.get(`${resource}/${namespace}/${name}`);
      if (!found) return this.fail(res, 404, `${resource} "${name}" not found`, 'NotFound');
      return send(res, 200, found);
    }
    const selector = parseFieldSelector(query.get('fieldSelector') ?? '');
    const matches = (object: KubeObject) =>
      selector.matches({
        'metadata.name': object.metadata.name ?? '',
        'spec.nodeName': String((object.spec as { nodeName?: string } | undefined)?.nodeName ?? ''),
      });
    if (query.get('watch')) {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      res.flushHeaders();
      const watcher: Watcher = { resource, namespace, matches, res };
      this.watchers.add(watcher);
      res.on('close', () => this.watchers.delete(watcher));
      const since = Number(query.get('resourceVersion') ?? 0);
      for (const object of this.list(resource)) {
        if (Number(object.metadata.resourceVersion) <= since || !matches(object)) continue;
        if (namespace && object.metadata.namespace !== namespace) continue;
        res.write(`${JSON.stringify({ type: 'MODIFIED', object })}\n`);
      }
      return;
    }
    const items = this.list(resource).filter(
      (object) => matches(object) && (!namespace || object.metadata.namespace === namespace),
    );
    send(res, 200, {
      apiVersion: 'v1',
      kind: `${kinds[resource]}List`,
      metadata: { resourceVersion: String(this.version) },
      items,
    });
  }

  private create(target: Target, body: KubeObject, res: ServerResponse): undefined {
    if (target.subresource === 'token') {
      const expirationTimestamp = nowSecond(new Date(Date.now() + 3_600_000));
      return send(res, 201, { ...body, status: { token: `token-${newUid()}`, expirationTimestamp } });
    }
    if (target.resource === 'tokenreviews') {
      const token = (body.spec as { token: string }).token;
      const user = { username: 'admin', groups: ['system:masters'] };
      return send(res, 201, { ...body, status: token === 'good' ? { authenticated: true, user } : {} });
    }
    if (target.resource === 'subjectaccessreviews') {
      return send(res, 201, { ...body, status: { allowed: (body.spec as { user: string }).user === 'admin' } });
    }
    const name = body.metadata.name ?? generateName(body.metadata.generateName ?? 'x-');
    if (this.objects.has(`${target.resource}/${target.namespace}/${name}`)) {
      return this.fail(res, 409, `${target.resource} "${name}" already exists`, 'AlreadyExists');
    }
    const namespace = target.namespace ? { namespace: target.namespace } : {};
    send(res, 201, this.put(target.resource, { ...body, metadata: { ...body.metadata, name, ...namespace } }));
  }

  private patch(target: Target, current: KubeObject, body: object, type: string, res: ServerResponse): undefined {
    const uid = (body as { metadata?: { uid?: string } }).metadata?.uid;
    if (uid && uid !== current.metadata.uid) return this.fail(res, 409, 'Precondition failed: UID', 'Conflict');
    const schema = schemaFor('', 'v1', current.kind);
    const patched =
      type.includes('strategic') && schema
        ? applyStrategicMergePatch(current, body, schema, resolveSchema)
        : applyMergePatch(current, body);
    send(res, 200, this.store(target.resource, patched));
  }

  private fail(res: ServerResponse, code: number, message: string, reason = 'InternalError'): undefined {
    send(res, code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });
  }
}

function parsePath(path: string): Target {
  const parts = path.split('/').filter(Boolean);
  const rest = parts[0] === 'api' ? parts.slice(2) : parts.slice(3);
  const namespace = rest[0] === 'namespaces' && rest.length > 2 ? (rest[1] ?? '') : '';
  const [resource = '', name = '', subresource = ''] = namespace ? rest.slice(2) : rest;
  return { resource, namespace, name, subresource };
}

function send(res: ServerResponse, code: number, body: unknown): undefined {
  const text = JSON.stringify(body);
  res.writeHead(code, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}
