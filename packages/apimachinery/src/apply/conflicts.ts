import { newApplyConflict, type StatusError } from '../errors.js';
import { type FieldSet, formatPath } from './field-set.js';
import type { Manager } from './managers.js';

/** Fields that the applier wants to change and another manager owns. */
export interface Conflict {
  manager: Manager;
  fields: FieldSet;
}

function printManager(m: Manager): string {
  const name = JSON.stringify(m.manager);
  const withSubresource = m.subresource ? `${name} with subresource ${JSON.stringify(m.subresource)}` : name;
  return m.operation === 'Update' ? `${withSubresource} using ${m.apiVersion}` : withSubresource;
}

/** The 409 of server-side apply with Kubernetes' text. */
export function conflictError(conflicts: Conflict[]): StatusError {
  const all = conflicts
    .map((c) => ({ who: printManager(c.manager), paths: [...c.fields.paths()].map(formatPath) }))
    .sort((a, b) => (a.who < b.who ? -1 : 1));
  const causes = all.flatMap((c) => c.paths.map((field) => ({ field, message: `conflict with ${c.who}` })));
  const only = causes.length === 1 ? causes[0] : undefined;
  if (only) return newApplyConflict(causes, `Apply failed with 1 conflict: ${only.message}: ${only.field}`);
  const parts = all.map((c) => `conflicts with ${c.who}:\n${c.paths.map((p) => `- ${p}`).join('\n')}`);
  return newApplyConflict(causes, `Apply failed with ${causes.length} conflicts: ${parts.join('\n')}`);
}
