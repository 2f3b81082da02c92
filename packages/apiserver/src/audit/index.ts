export { Auditor, type AuditRequest } from './audit.js';
export { createAuditor } from './create-auditor.js';
export { AuditLog, type AuditLogOptions } from './log-backend.js';
export { auditOf, setAudit } from './of-request.js';
export { AuditPolicy } from './policy.js';
