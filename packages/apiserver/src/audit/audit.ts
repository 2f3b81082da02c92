import { type IncomingMessage, ServerResponse } from 'node:http';
import { type KubeObject, nowMicro, type Status } from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/index.js';
import { isLongRunning } from '../fairness/index.js';
import type { RequestInfo } from '../request-info.js';
import type { AuditLog } from './log-backend.js';
import type { AuditDecision, AuditPolicy, AuditStage } from './policy.js';

/** What the request chain tells the audit of one request. All calls are cheap when the level does not want them. */
export interface AuditRequest {
  /** Whether the request's or response's body is recorded. */
  readonly wantsRequest: boolean;
  readonly wantsResponse: boolean;
  impersonated(user: UserInfo): void;
  annotate(key: string, value: string): void;
  requestObject(object: unknown): void;
  responseObject(object: unknown): void;
  /** The Status of a request that failed. */
  failed(status: Status): void;
}

const silent: AuditRequest = {
  wantsRequest: false,
  wantsResponse: false,
  impersonated: () => undefined,
  annotate: () => undefined,
  requestObject: () => undefined,
  responseObject: () => undefined,
  failed: () => undefined,
};

/** A response, or the connection that it was upgraded to. */
export interface Answer {
  statusCode: number;
  once(event: 'close', listener: () => void): unknown;
}

/** Records requests as the policy says (audit.k8s.io/v1 Events, one JSON line each). */
export class Auditor {
  constructor(
    private readonly policy: AuditPolicy,
    private readonly log: AuditLog,
  ) {}

  /**
   * Begins the record of an authenticated request; its end is taken from the response.
   * @param auditId also the answer's Audit-Id header
   */
  begin(req: IncomingMessage, res: Answer, info: RequestInfo, user: UserInfo, auditId: string): AuditRequest {
    const decision = this.policy.decide(user, info);
    if (decision.level === 'None') return silent;
    const record = new Record(decision, this.log, req, info, user, auditId);
    record.emit('RequestReceived');
    if (isLongRunning(info) && res instanceof ServerResponse) record.watchStart(res);
    res.once('close', () => record.complete(res));
    return record;
  }
}

class Record implements AuditRequest {
  private readonly event: { [field: string]: unknown };
  private readonly annotations: { [key: string]: string } = {};
  private readonly received = nowMicro();

  constructor(
    private readonly decision: AuditDecision,
    private readonly log: AuditLog,
    req: IncomingMessage,
    info: RequestInfo,
    user: UserInfo,
    auditId: string,
  ) {
    this.event = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: decision.level,
      auditID: auditId,
      stage: 'RequestReceived',
      requestURI: req.url ?? '',
      verb: info.verb,
      user: userOf(user),
      sourceIPs: sourceIps(req),
      userAgent: req.headers['user-agent'],
      ...(info.isResourceRequest ? { objectRef: objectRef(info) } : {}),
    };
  }

  get wantsRequest(): boolean {
    return this.decision.level === 'Request' || this.decision.level === 'RequestResponse';
  }

  get wantsResponse(): boolean {
    return this.decision.level === 'RequestResponse';
  }

  impersonated(user: UserInfo): void {
    this.event.impersonatedUser = userOf(user);
  }

  annotate(key: string, value: string): void {
    // The first value stands: a later part of the chain cannot rewrite what an earlier one has said.
    this.annotations[key] ??= value;
  }

  requestObject(object: unknown): void {
    // A copy as it came: the handler goes on to change the object.
    if (this.wantsRequest) this.event.requestObject = structuredClone(this.clean(object));
  }

  responseObject(object: unknown): void {
    if (this.wantsResponse) this.event.responseObject = this.clean(object);
  }

  failed(status: Status): void {
    this.event.responseStatus = status;
    this.responseObject(status);
  }

  /** Long requests are recorded when their answer begins, too. */
  watchStart(res: ServerResponse): void {
    const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => ServerResponse;
    res.writeHead = ((...args: unknown[]) => {
      const out = writeHead(...args);
      this.event.responseStatus ??= { metadata: {}, code: res.statusCode };
      this.emit('ResponseStarted');
      return out;
    }) as typeof res.writeHead;
  }

  complete(res: Answer): void {
    this.event.responseStatus ??= { metadata: {}, code: res.statusCode };
    this.emit('ResponseComplete');
  }

  emit(stage: AuditStage): void {
    if (this.decision.omitStages.has(stage)) return;
    const event = {
      ...this.event,
      stage,
      requestReceivedTimestamp: this.received,
      stageTimestamp: nowMicro(),
      ...(Object.keys(this.annotations).length > 0 ? { annotations: this.annotations } : {}),
    };
    this.log.write(`${JSON.stringify(event)}\n`);
  }

  private clean(object: unknown): unknown {
    const metadata = (object as KubeObject | undefined)?.metadata;
    if (!this.decision.omitManagedFields || !metadata?.managedFields) return object;
    const { managedFields: _dropped, ...rest } = metadata;
    return { ...(object as KubeObject), metadata: rest };
  }
}

function userOf(user: UserInfo): object {
  const { name, uid, groups, extra } = user;
  return { username: name, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
}

function sourceIps(req: IncomingMessage): string[] {
  const forwarded = String(req.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((ip) => ip.trim())
    .filter((ip) => ip !== '');
  const remote = (req.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return [...new Set([...forwarded, remote])];
}

function objectRef(info: RequestInfo): object {
  const { resource, namespace, name, apiGroup, apiVersion, subresource } = info;
  const given = { resource, namespace, name, apiGroup, apiVersion, subresource };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
}
