import { type CelExtension, type CelProgram, celCompiler, toCel } from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/authenticator.js';
import type { AuthorizationResult, Authorizer } from '../authorization/authorizer.js';
import type { AdmissionAttributes } from './plugin.js';

/** The variables of match conditions and admission policies. */
export const admissionVariables = [
  'object',
  'oldObject',
  'request',
  'params',
  'namespaceObject',
  'variables',
  'authorizer',
] as const;

/** `authorizer` in expressions: asks what the request's user may do. */
class CelAuthorizer {
  constructor(
    readonly user: UserInfo,
    readonly authorizer: Authorizer,
    readonly request: { group: string; resource: string; subresource: string; namespace: string; name: string },
  ) {}
}
class ResourceCheck {
  constructor(
    readonly from: CelAuthorizer,
    readonly group: string,
    readonly resource = '',
    readonly subresource = '',
    readonly namespace = '',
    readonly name = '',
  ) {}
}
class PathCheck {
  constructor(
    readonly from: CelAuthorizer,
    readonly path: string,
  ) {}
}
class CelDecision {
  constructor(readonly result: AuthorizationResult) {}
}

const ask = async (
  from: CelAuthorizer,
  verb: string,
  r: Partial<ResourceCheck> & { path?: string },
): Promise<CelDecision> =>
  new CelDecision(
    await from.authorizer.authorize({
      user: from.user,
      verb,
      resourceRequest: r.path === undefined,
      apiGroup: r.group ?? '',
      apiVersion: '*',
      resource: r.resource ?? '',
      subresource: r.subresource ?? '',
      namespace: r.namespace ?? '',
      name: r.name ?? '',
      path: r.path ?? '',
    }),
  );

const extend: CelExtension = (env) => {
  env.registerType('kubernetes.Authorizer', CelAuthorizer);
  env.registerType('kubernetes.ResourceCheck', ResourceCheck);
  env.registerType('kubernetes.PathCheck', PathCheck);
  env.registerType('kubernetes.Decision', CelDecision);
  env.registerFunction(
    'kubernetes.Authorizer.group(string): kubernetes.ResourceCheck',
    (a: CelAuthorizer, g: string) => new ResourceCheck(a, g),
  );
  env.registerFunction(
    'kubernetes.Authorizer.path(string): kubernetes.PathCheck',
    (a: CelAuthorizer, p: string) => new PathCheck(a, p),
  );
  env.registerFunction(
    'kubernetes.Authorizer.serviceAccount(string, string): kubernetes.Authorizer',
    (a: CelAuthorizer, ns: string, n: string) =>
      new CelAuthorizer(
        {
          name: `system:serviceaccount:${ns}:${n}`,
          groups: ['system:serviceaccounts', `system:serviceaccounts:${ns}`, 'system:authenticated'],
        },
        a.authorizer,
        a.request,
      ),
  );
  const step = (name: string, make: (c: ResourceCheck, v: string) => ResourceCheck) =>
    env.registerFunction(`kubernetes.ResourceCheck.${name}(string): kubernetes.ResourceCheck`, make);
  step('resource', (c, v) => new ResourceCheck(c.from, c.group, v, c.subresource, c.namespace, c.name));
  step('subresource', (c, v) => new ResourceCheck(c.from, c.group, c.resource, v, c.namespace, c.name));
  step('namespace', (c, v) => new ResourceCheck(c.from, c.group, c.resource, c.subresource, v, c.name));
  step('name', (c, v) => new ResourceCheck(c.from, c.group, c.resource, c.subresource, c.namespace, v));
  env.registerFunction(
    'kubernetes.ResourceCheck.check(string): kubernetes.Decision',
    (c: ResourceCheck, verb: string) => ask(c.from, verb, c),
  );
  env.registerFunction('kubernetes.PathCheck.check(string): kubernetes.Decision', (c: PathCheck, verb: string) =>
    ask(c.from, verb, { path: c.path }),
  );
  env.registerFunction('kubernetes.Decision.allowed(): bool', (d: CelDecision) => d.result.decision === 'allow');
  env.registerFunction('kubernetes.Decision.reason(): string', (d: CelDecision) => d.result.reason ?? '');
  env.registerFunction('kubernetes.Decision.errored(): bool', (d: CelDecision) => d.result.error !== undefined);
  env.registerFunction('kubernetes.Decision.error(): string', (d: CelDecision) => d.result.error ?? '');
};

const compile = celCompiler(admissionVariables, extend);
const programs = new Map<string, CelProgram | Error>();

/** Compiles an admission expression, once a text. @throws Error when it does not compile */
export function admissionProgram(expression: string): CelProgram {
  let p = programs.get(expression);
  if (!p) {
    try {
      p = compile(expression);
    } catch (err) {
      p = err as Error;
    }
    if (programs.size > 5000) programs.clear();
    programs.set(expression, p);
  }
  if (p instanceof Error) throw p;
  return p;
}

/** The values of a request's variables, made once a request. */
export function requestVariables(a: AdmissionAttributes, authorizer: Authorizer): Record<string, unknown> {
  const gvr = { group: a.resource.group, version: a.resource.version, resource: a.resource.resource };
  const request = {
    kind: { ...a.kind },
    resource: gvr,
    subResource: a.subresource,
    requestKind: { ...a.kind },
    requestResource: gvr,
    requestSubResource: a.subresource,
    name: a.name,
    namespace: a.namespace,
    operation: a.operation,
    userInfo: { username: a.user.name, uid: a.user.uid ?? '', groups: a.user.groups, extra: a.user.extra ?? {} },
    dryRun: a.dryRun,
    options: a.options ?? null,
  };
  return {
    object: a.object && a.operation !== 'DELETE' ? toCel(a.object) : null,
    oldObject: a.oldObject ? toCel(a.oldObject) : null,
    request: toCel(request),
    params: null,
    namespaceObject: null,
    variables: {},
    authorizer: new CelAuthorizer(a.user, authorizer, {
      group: a.resource.group,
      resource: a.resource.resource,
      subresource: a.subresource,
      namespace: a.namespace,
      name: a.name,
    }),
  };
}

export interface MatchCondition {
  name: string;
  expression: string;
}

/**
 * Whether all conditions hold. A false one wins over one that fails.
 * @throws Error with Kubernetes' text when one can't be evaluated and none is false
 */
export async function conditionsHold(
  conditions: MatchCondition[] | undefined,
  variables: Record<string, unknown>,
): Promise<boolean> {
  let failed: string | undefined;
  for (const c of conditions ?? []) {
    try {
      if ((await admissionProgram(c.expression).evaluate(variables)) !== true) return false;
    } catch (err) {
      failed ??= `match condition ${JSON.stringify(c.name)}: ${(err as Error).message.split('\n')[0]}`;
    }
  }
  if (failed !== undefined) throw new Error(failed);
  return true;
}
