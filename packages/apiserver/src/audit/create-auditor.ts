import type { ComponentContext } from '@kubelab/component-base';
import { Auditor } from './audit.js';
import { AuditLog } from './log-backend.js';
import { AuditPolicy } from './policy.js';

/** The auditor of --audit-policy-file and --audit-log-*; undefined when they are not given. @throws Error for a bad policy */
export function createAuditor({ options, logger }: ComponentContext): { auditor: Auditor; log: AuditLog } | undefined {
  const policy = options.optionalString('audit-policy-file');
  const path = options.optionalString('audit-log-path');
  if (!policy || !path) {
    if (path) throw new Error('--audit-log-path needs --audit-policy-file');
    return undefined;
  }
  const log = new AuditLog(
    {
      path,
      maxSizeMb: options.number('audit-log-maxsize'),
      maxBackups: options.number('audit-log-maxbackup'),
      maxAgeDays: options.number('audit-log-maxage'),
    },
    logger,
  );
  return { auditor: new Auditor(AuditPolicy.fromFile(policy), log), log };
}
