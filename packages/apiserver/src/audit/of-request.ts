import type { IncomingMessage } from 'node:http';
import type { AuditRequest } from './audit.js';

const records = new WeakMap<IncomingMessage, AuditRequest>();
let inUse = false;

/** Ties the record to its request, so that those who parse bodies and write answers can add to it. */
export function setAudit(req: IncomingMessage, record: AuditRequest): void {
  inUse = true;
  records.set(req, record);
}

/** The record of a request, if it is recorded. Costs nothing in a server that records none. */
export function auditOf(req: IncomingMessage): AuditRequest | undefined {
  return inUse ? records.get(req) : undefined;
}
