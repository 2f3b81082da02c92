import type { ResourceTable } from '@kubelab/api';
import { type FieldError, FieldPath, field, type KubeObject } from '@kubelab/apimachinery';
import { admissionProgram } from './cel-variables.js';

interface Expression {
  path: FieldPath;
  text: string;
}

type Named = unknown[] | undefined;

const listed = (value: unknown, path: FieldPath, name = 'expression'): Expression[] =>
  (Array.isArray(value) ? (value as Record<string, unknown>[]) : []).flatMap((entry, i) => {
    const text = entry?.[name];
    return typeof text === 'string' && text.trim() !== '' ? [{ path: path.index(i).child(name), text }] : [];
  });

function ofPolicy(object: KubeObject): Expression[] {
  const spec = (object.spec ?? {}) as Record<string, Named>;
  const root = FieldPath.of('spec');
  return [
    ...listed(spec.variables, root.child('variables')),
    ...listed(spec.matchConditions, root.child('matchConditions')),
    ...listed(spec.validations, root.child('validations')),
    ...listed(spec.validations, root.child('validations'), 'messageExpression'),
    ...listed(spec.auditAnnotations, root.child('auditAnnotations'), 'valueExpression'),
  ];
}

function ofWebhooks(object: KubeObject): Expression[] {
  const webhooks = Array.isArray(object.webhooks) ? (object.webhooks as { matchConditions?: unknown }[]) : [];
  return webhooks.flatMap((webhook, i) =>
    listed(webhook?.matchConditions, FieldPath.of('webhooks').index(i).child('matchConditions')),
  );
}

const kinds: Record<string, (object: KubeObject) => Expression[]> = {
  validatingadmissionpolicies: ofPolicy,
  mutatingwebhookconfigurations: ofWebhooks,
  validatingwebhookconfigurations: ofWebhooks,
};

function problems(expressions: Expression[], known: Set<string>): FieldError[] {
  return expressions.flatMap(({ path, text }) => {
    if (known.has(text)) return [];
    try {
      admissionProgram(text);
      return [];
    } catch (error) {
      return [field.invalid(path, text, `compilation failed: ${(error as Error).message}`)];
    }
  });
}

/**
 * Has the CEL expressions of admission policies and match conditions compiled when they are written; those that were
 * stored before may stay as they are.
 */
export function checkAdmissionExpressions(table: ResourceTable): void {
  for (const [resource, expressionsOf] of Object.entries(kinds)) {
    const entry = table.lookup('admissionregistration.k8s.io', 'v1', resource);
    if (!entry) continue;
    const { validateCreate, validateUpdate } = entry.strategy;
    entry.strategy = {
      ...entry.strategy,
      validateCreate: (object, context) => [
        ...(validateCreate?.(object, context) ?? []),
        ...problems(expressionsOf(object), new Set()),
      ],
      validateUpdate: (object, old, context) => [
        ...(validateUpdate?.(object, old, context) ?? []),
        ...problems(expressionsOf(object), new Set(expressionsOf(old).map(({ text }) => text))),
      ],
    };
  }
}
