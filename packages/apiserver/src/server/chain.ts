import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ResourceTable } from '@kubelab/api';
import { newInternalError, newPathNotFound, newTimeout, StatusError } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { AggregationProxy } from '../aggregation/index.js';
import { type Auditor, auditOf, setAudit } from '../audit/index.js';
import { type Authentication, impersonate, type UserInfo, wantsImpersonation } from '../authentication/index.js';
import { type AuthorizationAttributes, type Authorizer, newAccessForbidden } from '../authorization/index.js';
import { type ConnectHandler, connectOptions } from '../connect/index.js';
import { subresourcesOf } from '../discovery/group-versions.js';
import { type Admission, isLongRunning, type Release } from '../fairness/index.js';
import { runMutating, runValidating } from '../handlers/admit.js';
import type { HandlerEnvironment, RequestContext } from '../handlers/context.js';
import { dispatch, type SpecialHandlers } from '../handlers/dispatch.js';
import { plain } from '../handlers/negotiate.js';
import { sendError } from '../handlers/respond.js';
import { toApiError } from '../registry/store-errors.js';
import { versionOfEntry } from '../registry/versioning.js';
import { parseRequestInfo, type RequestInfo } from '../request-info.js';
import type { RequestMetrics } from './metrics.js';

/** Bounds what is served at once: fairness, or plain limits. @throws StatusError TooManyRequests */
export interface RequestLimits {
  admit(user: UserInfo, info: RequestInfo, signal?: AbortSignal): Release | Admission | Promise<Admission>;
}

/** What the request chain is made of. */
export interface ChainOptions {
  authentication: Authentication;
  authorizer: Authorizer;
  environment: HandlerEnvironment;
  special: SpecialHandlers;
  connect: Record<string, ConnectHandler>;
  limits: RequestLimits;
  /** Absent: nothing is recorded. */
  auditor?: Auditor;
  metrics: RequestMetrics;
  table: ResourceTable;
  logger: Logger;
  /** Passes on what extension servers serve. */
  aggregation?: AggregationProxy;
  /** Serves what is no resource: health, metrics, discovery, OpenAPI. */
  other(req: IncomingMessage, res: ServerResponse): void;
}

/**
 * The way of every request: authentication, impersonation, limits, authorization, then the handler. Resources take the
 * short way to their handlers; all other paths go through express.
 */
export class RequestChain {
  constructor(private readonly o: ChainOptions) {}

  /** Serves a request; never rejects. */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const began = process.hrtime.bigint();
    const info = parseRequestInfo(req.method ?? 'GET', req.url ?? '/');
    const auditId = String(req.headers['audit-id'] ?? randomUUID());
    res.setHeader('Audit-Id', auditId);
    let leave: Release = nothing;
    const longRunning = isLongRunning(info);
    const labels = this.o.metrics.labelsOf(info);
    if (longRunning) {
      this.o.metrics.longRunning.inc(labels);
    }
    try {
      const user = await this.identify(req, res, info, auditId);
      leave = await this.enter(req, res, info, user);
      await this.authorize(req, user, info);
      await this.serve(req, res, info, user, leave);
    } catch (error) {
      this.answerError(req, res, info, error);
    } finally {
      leave();
      if (longRunning) {
        this.o.metrics.longRunning.dec(labels);
      } else {
        const seconds = Number(process.hrtime.bigint() - began) / 1e9;
        this.o.metrics.observe(info, res.statusCode, seconds);
      }
    }
  }

  /** Serves a request that wants the raw connection: exec, attach, port-forward, proxied upgrades. */
  async handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const info = parseRequestInfo(req.method ?? 'GET', req.url ?? '/');
    socket.on('error', (error) => this.o.logger.debug('An upgraded connection failed', { path: info.path, error }));
    try {
      const user = await this.identify(req, undefined, info, String(req.headers['audit-id'] ?? randomUUID()));
      await this.authorize(req, user, info);
      if (this.o.aggregation?.handles(info.path)) {
        await this.o.aggregation.upgrade(req, socket, head, info.path, user);
        return;
      }
      const { handler, ctx } = this.connectFor(req, undefined, info, user);
      await this.admitConnect(ctx);
      await handler({ req, upgrade: { socket, head }, ...connectParts(info, user) });
    } catch (error) {
      const { status, code } = this.statusOf(info, error);
      const body = JSON.stringify(status);
      socket.end(
        `HTTP/1.1 ${code} ${status.reason ?? 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    }
  }

  private async identify(
    req: IncomingMessage,
    res: ServerResponse | undefined,
    info: RequestInfo,
    auditId: string,
  ): Promise<UserInfo> {
    const sender = await this.o.authentication.authenticator.authenticate(req);
    if (this.o.auditor) {
      // An upgraded connection has no response: its end is the socket's.
      const end = res ?? Object.assign(req.socket, { statusCode: 101 });
      setAudit(req, this.o.auditor.begin(req, end, info, sender, auditId));
    }
    if (!wantsImpersonation(req)) {
      return sender;
    }
    const user = await impersonate(req, sender, this.o.authorizer);
    auditOf(req)?.impersonated(user);
    return user;
  }

  /** Waits for a place among the requests that are served; resolves to how to give it back. */
  private async enter(req: IncomingMessage, res: ServerResponse, info: RequestInfo, user: UserInfo): Promise<Release> {
    let admission = this.o.limits.admit(user, info);
    if (admission instanceof Promise) {
      admission = await this.waitFor(admission, req);
    }
    if (typeof admission === 'function') {
      return admission;
    }
    res.setHeader('X-Kubernetes-PF-FlowSchema-UID', admission.flowSchemaUid);
    res.setHeader('X-Kubernetes-PF-PriorityLevel-UID', admission.priorityLevelUid);
    return admission.release;
  }

  /** A client that has gone while it waited gives its place back at once. */
  private async waitFor(pending: Promise<Admission>, req: IncomingMessage): Promise<Admission> {
    const admission = await pending;
    if (req.socket.destroyed) {
      admission.release();
      throw newTimeout('the client has gone');
    }
    return admission;
  }

  private async authorize(req: IncomingMessage, user: UserInfo, info: RequestInfo): Promise<void> {
    const attributes: AuthorizationAttributes = {
      user,
      verb: info.verb,
      resourceRequest: info.isResourceRequest,
      apiGroup: info.apiGroup,
      apiVersion: info.apiVersion,
      resource: info.resource,
      subresource: info.subresource,
      namespace: info.namespace,
      name: info.name,
      path: info.path,
      fieldSelector: info.query.get('fieldSelector') ?? undefined,
      labelSelector: info.query.get('labelSelector') ?? undefined,
    };
    const answer = this.o.authorizer.authorize(attributes);
    const result = answer instanceof Promise ? await answer : answer;
    const audit = auditOf(req);
    if (audit) {
      audit.annotate('authorization.k8s.io/decision', result.decision === 'allow' ? 'allow' : 'forbid');
      audit.annotate('authorization.k8s.io/reason', result.reason ?? '');
    }
    if (result.decision !== 'allow') {
      throw newAccessForbidden(attributes, result.reason);
    }
  }

  private async serve(
    req: IncomingMessage,
    res: ServerResponse,
    info: RequestInfo,
    user: UserInfo,
    begun: Release,
  ): Promise<void> {
    if (this.o.aggregation?.handles(info.path)) {
      if (info.verb === 'watch') begun();
      await this.o.aggregation.serve(req, res, info.path, user);
      return;
    }
    if (!info.isResourceRequest) {
      await new Promise<void>((resolve) => {
        res.once('close', resolve);
        this.o.other(req, res);
      });
      return;
    }
    const name = `${info.resource}/${info.subresource}`;
    if (info.subresource !== '' && this.o.connect[name] && info.apiGroup === '') {
      const { handler, ctx } = this.connectFor(req, res, info, user);
      await this.admitConnect(ctx);
      await handler({ req, res, ...connectParts(info, user) });
      return;
    }
    const ctx = this.contextOf(req, res, info, user);
    ctx.begun = begun;
    await dispatch(this.o.environment, this.o.special, ctx);
  }

  private contextOf(req: IncomingMessage, res: ServerResponse, info: RequestInfo, user: UserInfo): RequestContext {
    const entry = this.o.table.lookup(info.apiGroup, info.apiVersion, info.resource);
    const served = entry && versionOfEntry(entry, info.apiVersion);
    // Deeper paths than a subresource are only of proxies.
    if (!entry || !served || info.parts.length > 3 || (!entry.namespaced && hasForeignNamespace(info))) {
      throw newPathNotFound();
    }
    const warnings = new Set<string>();
    const ctx: RequestContext = {
      req,
      res,
      info,
      user,
      entry,
      served,
      representation: plain,
      subresource: info.subresource ? subresourcesOf(entry, info.apiVersion)[info.subresource] : undefined,
      warn: (text) => {
        if (!warnings.has(text) && !res.headersSent) {
          warnings.add(text);
          res.appendHeader('Warning', `299 - ${quote(text)}`);
        }
      },
    };
    if (served.deprecationWarning) {
      ctx.warn(served.deprecationWarning);
      this.o.metrics.deprecated(info, served.deprecationWarning);
    }
    return ctx;
  }

  private connectFor(
    req: IncomingMessage,
    res: ServerResponse | undefined,
    info: RequestInfo,
    user: UserInfo,
  ): { handler: ConnectHandler; ctx: RequestContext } {
    const handler = this.o.connect[`${info.resource}/${info.subresource}`];
    const entry = this.o.table.lookup(info.apiGroup, info.apiVersion, info.resource);
    const served = entry && versionOfEntry(entry, info.apiVersion);
    if (!handler || !entry || !served) {
      throw newPathNotFound();
    }
    // An upgraded connection has no response to put warnings on.
    const warn = (text: string) => res?.appendHeader('Warning', `299 - ${quote(text)}`);
    return {
      handler,
      ctx: { req, res: res as ServerResponse, info, user, entry, served, representation: plain, warn },
    };
  }

  private async admitConnect(ctx: RequestContext): Promise<void> {
    if (ctx.info.subresource === 'log') {
      return;
    }
    const options = connectOptions(ctx.info, connectParts(ctx.info, ctx.user).subpath);
    const env = this.o.environment;
    const mutated = await runMutating(env, ctx, 'CONNECT', options, undefined, false);
    await runValidating(env, ctx, 'CONNECT', mutated, undefined, false);
  }

  private answerError(req: IncomingMessage, res: ServerResponse, info: RequestInfo, error: unknown): void {
    const status = this.statusOf(info, error);
    // What is left of a body that nobody reads would stand before the next request on the connection.
    if (!req.complete) {
      req.resume();
    }
    sendError(req, res, status);
  }

  private statusOf(info: RequestInfo, error: unknown): StatusError {
    const status = toApiError(error);
    if (!(error instanceof StatusError) && status.code >= 500) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.o.logger.error('A request failed', { verb: info.verb, path: info.path, stack });
      if (status.reason === 'InternalError') {
        return newInternalError(error instanceof Error ? error : new Error(String(error)));
      }
    }
    return status;
  }
}

const nothing: Release = () => undefined;

function hasForeignNamespace(info: RequestInfo): boolean {
  return info.namespace !== '' && info.resource !== 'namespaces';
}

function connectParts(info: RequestInfo, user: UserInfo) {
  const rest = info.parts.slice(3).map(encodeURIComponent).join('/');
  const slash = info.path.endsWith('/') && rest !== '' ? '/' : '';
  const marker = `/${info.subresource}`;
  const bare = info.path.endsWith(`${marker}/`) ? '/' : '';
  return {
    user,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    subpath: rest === '' ? bare : `/${rest}${slash}`,
    query: info.query,
  };
}

/** A quoted string of a Warning header (RFC 7234, 5.5): no control characters, quotes and backslashes escaped. */
function quote(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get into a header
  const clean = text.replace(/[\u0000-\u001f\u007f-\uffff]/g, ' ').slice(0, 2048);
  return `"${clean.replace(/["\\]/g, '\\$&')}"`;
}
