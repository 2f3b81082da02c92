import { type KubeObject, type LabelSelector, labelSelectorAsSelector, toCel } from '@kubelab/apimachinery';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { ObjectAccess } from '../../object-access.js';
import { admissionProgram, conditionsHold, type MatchCondition, requestVariables } from '../cel-variables.js';
import { admissionForbidden } from '../errors.js';
import { type AdmissionRule, isExempt, namespaceMatches, objectMatches, ruleMatches } from '../matching.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';
import type { KindLookup } from '../plugins/owner-references.js';

interface MatchResources {
  namespaceSelector?: LabelSelector;
  objectSelector?: LabelSelector;
  resourceRules?: AdmissionRule[];
  excludeResourceRules?: AdmissionRule[];
  matchPolicy?: string;
}
interface Validation {
  expression: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
}
type Policy = KubeObject & {
  spec?: {
    paramKind?: { apiVersion: string; kind: string };
    matchConstraints?: MatchResources;
    validations?: Validation[];
    failurePolicy?: string;
    auditAnnotations?: { key: string; valueExpression: string }[];
    matchConditions?: MatchCondition[];
    variables?: { name: string; expression: string }[];
  };
};
type Binding = KubeObject & {
  spec?: {
    policyName?: string;
    paramRef?: { name?: string; namespace?: string; selector?: LabelSelector; parameterNotFoundAction?: string };
    matchResources?: MatchResources;
    validationActions?: string[];
  };
};

const codes: Record<string, number> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 };
const group = 'admissionregistration.k8s.io';

/** Something a policy found, and which binding it came by. */
interface Finding {
  policy: string;
  binding: string;
  message: string;
  reason: string;
}

/** Evaluates ValidatingAdmissionPolicies: CEL over the request, for every binding and its parameters. */
export class ValidatingAdmissionPolicyPlugin implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionPolicy';
  private readonly policies = new Map<string, Policy>();
  private readonly bindings = new Map<string, Binding>();

  constructor(
    private readonly objects: ObjectAccess,
    private readonly authorizer: Authorizer,
    private readonly kinds: KindLookup,
  ) {}

  handles(): boolean {
    return true;
  }

  /** Follows policies and bindings; resolves when those that exist are known. */
  async start(): Promise<() => void> {
    const follow = <T extends KubeObject>(resource: string, into: Map<string, T>) =>
      this.objects.observe(
        { group, resource },
        {
          added: (o) => void into.set(o.metadata.name ?? '', o as T),
          updated: (_old, o) => void into.set(o.metadata.name ?? '', o as T),
          deleted: (o) => void into.delete(o.metadata.name ?? ''),
        },
      );
    const stops = await Promise.all([
      follow('validatingadmissionpolicies', this.policies),
      follow('validatingadmissionpolicybindings', this.bindings),
    ]);
    return () => {
      for (const s of stops) s();
    };
  }

  validate(a: AdmissionAttributes): void | Promise<void> {
    if (this.bindings.size === 0 || isExempt(a)) return;
    return this.run(a);
  }

  private async run(a: AdmissionAttributes): Promise<void> {
    const denials: Finding[] = [];
    for (const binding of [...this.bindings.values()].sort((x, y) =>
      (x.metadata.name ?? '') < (y.metadata.name ?? '') ? -1 : 1,
    )) {
      const policy = this.policies.get(binding.spec?.policyName ?? '');
      if (!policy?.spec) continue;
      if (!(await this.matches(policy.spec.matchConstraints, a, true))) continue;
      if (binding.spec?.matchResources && !(await this.matches(binding.spec.matchResources, a, false))) continue;
      const actions = binding.spec?.validationActions ?? ['Deny'];
      for (const f of await this.evaluate(policy, binding, a)) {
        if (actions.includes('Deny')) denials.push(f);
        if (actions.includes('Warn')) {
          a.addWarning(
            `Validation failed for ValidatingAdmissionPolicy '${f.policy}' with binding '${f.binding}': ${f.message}`,
          );
        }
        if (actions.includes('Audit')) {
          a.addAuditAnnotation(
            'validation.policy.admission.k8s.io/validation_failure',
            JSON.stringify([{ message: f.message, policy: f.policy, binding: f.binding, validationActions: actions }]),
          );
        }
      }
    }
    const first = denials[0];
    if (first) throw denial(a, first);
  }

  private async matches(m: MatchResources | undefined, a: AdmissionAttributes, rulesNeeded: boolean): Promise<boolean> {
    const equivalent = (m?.matchPolicy ?? 'Equivalent') === 'Equivalent';
    const rules = m?.resourceRules ?? [];
    if ((m?.excludeResourceRules ?? []).some((r) => ruleMatches(r, a, equivalent))) return false;
    if ((rules.length > 0 || rulesNeeded) && !rules.some((r) => ruleMatches(r, a, equivalent))) return false;
    return objectMatches(m?.objectSelector, a) && (await namespaceMatches(m?.namespaceSelector, a, this.objects));
  }

  private async evaluate(policy: Policy, binding: Binding, a: AdmissionAttributes): Promise<Finding[]> {
    const ids = { policy: policy.metadata.name ?? '', binding: binding.metadata.name ?? '' };
    const ignore = policy.spec?.failurePolicy === 'Ignore';
    const out: Finding[] = [];
    try {
      const params = await this.params(policy, binding, a);
      for (const p of params)
        out.push(...(await this.evaluateOnce(policy, a, p, ignore)).map((f) => ({ ...ids, ...f })));
    } catch (err) {
      if (!ignore) out.push({ ...ids, message: (err as Error).message.split('\n')[0] ?? '', reason: 'Invalid' });
    }
    return out;
  }

  private async evaluateOnce(
    policy: Policy,
    a: AdmissionAttributes,
    params: KubeObject | undefined,
    ignore: boolean,
  ): Promise<{ message: string; reason: string }[]> {
    const variables = requestVariables(a, this.authorizer);
    variables.params = params ? toCel(params) : null;
    if (a.namespace !== '') {
      const ns = await this.objects.get({ group: '', resource: 'namespaces' }, '', a.namespace);
      variables.namespaceObject = ns ? toCel(ns) : null;
    }
    if (!(await conditionsHold(policy.spec?.matchConditions, variables))) return [];
    const own: Record<string, unknown> = {};
    variables.variables = own;
    const problems = new Map<string, Error>();
    for (const v of policy.spec?.variables ?? []) {
      try {
        own[v.name] = await admissionProgram(v.expression).evaluate(variables);
      } catch (err) {
        // Only an expression that uses the variable fails by it.
        problems.set(v.name, err as Error);
      }
    }
    const out: { message: string; reason: string }[] = [];
    for (const v of policy.spec?.validations ?? []) {
      try {
        if ((await admissionProgram(v.expression).evaluate(variables)) === true) continue;
        out.push({ message: await messageOf(v, variables), reason: v.reason ?? 'Invalid' });
      } catch (err) {
        if (ignore) continue;
        const cause = [...problems].find(([n]) => v.expression.includes(`variables.${n}`))?.[1] ?? (err as Error);
        out.push({
          message: `expression '${v.expression}' resulted in error: ${cause.message.split('\n')[0]}`,
          reason: 'Invalid',
        });
      }
    }
    for (const x of policy.spec?.auditAnnotations ?? []) {
      try {
        const value = await admissionProgram(x.valueExpression).evaluate(variables);
        if (typeof value === 'string' && value !== '') a.addAuditAnnotation(`${policy.metadata.name}/${x.key}`, value);
      } catch (err) {
        if (!ignore) out.push({ message: (err as Error).message.split('\n')[0] ?? '', reason: 'Invalid' });
      }
    }
    return out;
  }

  /** The binding's parameters; `[undefined]` when the policy has none. @throws Error when they must exist and don't */
  private async params(policy: Policy, binding: Binding, a: AdmissionAttributes): Promise<(KubeObject | undefined)[]> {
    const kind = policy.spec?.paramKind;
    const ref = binding.spec?.paramRef;
    if (!kind) return [undefined];
    if (!ref) return [undefined];
    const resource = this.kinds(kind.apiVersion, kind.kind);
    if (!resource) {
      throw new Error(
        `failed to configure policy: failed to find resource referenced by paramKind: '${kind.apiVersion}, Kind=${kind.kind}'`,
      );
    }
    const namespace = resource.namespaced ? (ref.namespace ?? a.namespace) : '';
    const found = ref.name
      ? [await this.objects.get(resource, namespace, ref.name)].filter((o) => o !== undefined)
      : (await this.objects.list(resource, namespace)).filter((o) =>
          labelSelectorAsSelector(ref.selector).matches(o.metadata.labels),
        );
    if (found.length > 0) return found;
    if (ref.parameterNotFoundAction === 'Allow') return [];
    throw new Error(
      `failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`,
    );
  }
}

async function messageOf(v: Validation, variables: Record<string, unknown>): Promise<string> {
  if (v.messageExpression) {
    try {
      const text = await admissionProgram(v.messageExpression).evaluate(variables);
      if (typeof text === 'string' && text.trim() !== '' && !/[\r\n]/.test(text)) return text.trim();
    } catch {
      // The fixed message (or the expression) says enough; the denial stands.
      return v.message?.trim() || `failed expression: ${v.expression.trim()}`;
    }
  }
  return v.message?.trim() || `failed expression: ${v.expression.trim()}`;
}

function denial(a: AdmissionAttributes, f: Finding): Error {
  const message = `ValidatingAdmissionPolicy '${f.policy}' with binding '${f.binding}' denied request: ${f.message}`;
  const err = admissionForbidden(a, message);
  err.status.reason = f.reason;
  err.status.code = codes[f.reason] ?? 422;
  err.status.details = { ...err.status.details, causes: [{ message }] };
  return err;
}
