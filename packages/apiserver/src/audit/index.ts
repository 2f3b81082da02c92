export { Auditor, type AuditRequest } from './audit.js';
export { AuditLog, type AuditLogOptions } from './log-backend.js';
export { AuditPolicy } from './policy.js';
