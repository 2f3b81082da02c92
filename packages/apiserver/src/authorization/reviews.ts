import {
  deepCopy,
  type FieldError,
  FieldPath,
  field,
  type KubeObject,
  newBadRequest,
  newInvalid,
} from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/authenticator.js';
import type { AuthorizationAttributes, AuthorizationResult, Authorizer, RuleResolver } from './authorizer.js';

/** What a handler of a virtual resource knows about its request. */
export interface ReviewContext {
  user: UserInfo;
  /** Of the path, for namespaced reviews. */
  namespace: string;
}

/** Answers a POST of a resource that is never stored. The object is the client's, decoded. */
export type ReviewHandler = (obj: KubeObject, ctx: ReviewContext) => Promise<KubeObject>;

interface SelectorAttributes {
  rawSelector?: string;
  requirements?: { key: string; operator: string; values?: string[] }[];
}
interface ResourceAttributes {
  namespace?: string;
  verb?: string;
  group?: string;
  version?: string;
  resource?: string;
  subresource?: string;
  name?: string;
  fieldSelector?: SelectorAttributes;
  labelSelector?: SelectorAttributes;
}
interface ReviewSpec {
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: { path?: string; verb?: string };
  user?: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
}

const specOf = (obj: KubeObject): ReviewSpec => (obj.spec ?? {}) as ReviewSpec;

function selectorText(s: SelectorAttributes | undefined): string | undefined {
  if (!s) return undefined;
  if (s.rawSelector) return s.rawSelector;
  const terms = (s.requirements ?? []).map((r) => {
    switch (r.operator) {
      case 'In':
        return r.values?.length === 1 ? `${r.key}=${r.values[0]}` : `${r.key} in (${(r.values ?? []).join(',')})`;
      case 'NotIn':
        return r.values?.length === 1 ? `${r.key}!=${r.values[0]}` : `${r.key} notin (${(r.values ?? []).join(',')})`;
      case 'DoesNotExist':
        return `!${r.key}`;
      default:
        return r.key;
    }
  });
  return terms.join(',');
}

function attributesOf(spec: ReviewSpec, user: UserInfo): AuthorizationAttributes {
  const r = spec.resourceAttributes;
  const base = { user, apiGroup: '', apiVersion: '', resource: '', subresource: '', namespace: '', name: '', path: '' };
  if (!r) {
    const n = spec.nonResourceAttributes;
    return { ...base, verb: n?.verb ?? '', resourceRequest: false, path: n?.path ?? '' };
  }
  const fieldSelector = selectorText(r.fieldSelector);
  const labelSelector = selectorText(r.labelSelector);
  return {
    ...base,
    verb: r.verb ?? '',
    resourceRequest: true,
    apiGroup: r.group ?? '',
    apiVersion: r.version || '*',
    resource: r.resource ?? '',
    subresource: r.subresource ?? '',
    namespace: r.namespace ?? '',
    name: r.name ?? '',
    ...(fieldSelector ? { fieldSelector } : {}),
    ...(labelSelector ? { labelSelector } : {}),
  };
}

function validateSpec(spec: ReviewSpec, self: boolean): FieldError[] {
  const path = FieldPath.of('spec');
  const out: FieldError[] = [];
  const both = spec.resourceAttributes !== undefined && spec.nonResourceAttributes !== undefined;
  const neither = spec.resourceAttributes === undefined && spec.nonResourceAttributes === undefined;
  if (both) {
    out.push(
      field.invalid(
        path.child('nonResourceAttributes'),
        spec.nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    );
  }
  if (neither) {
    out.push(
      field.invalid(
        path.child('resourceAttributes'),
        spec.nonResourceAttributes ?? null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    );
  }
  if (!self && !spec.user && (spec.groups ?? []).length === 0) {
    out.push(field.invalid(path.child('user'), spec.user ?? '', 'at least one of user or group must be specified'));
  }
  return out;
}

function status(r: AuthorizationResult): Record<string, unknown> {
  return {
    allowed: r.decision === 'allow',
    ...(r.decision === 'deny' ? { denied: true } : {}),
    ...(r.reason ? { reason: r.reason } : {}),
    ...(r.error ? { evaluationError: r.error } : {}),
  };
}

function refuseMetadata(obj: KubeObject, kind: string, namespaceAllowed: boolean): void {
  const { namespace, managedFields: _managed, creationTimestamp: _created, ...rest } = obj.metadata ?? {};
  if (Object.values(rest).some((v) => v !== undefined && v !== '') || (namespace && !namespaceAllowed)) {
    throw newInvalid({ group: 'authorization.k8s.io', kind }, '', [
      field.invalid(
        'metadata',
        obj.metadata,
        namespaceAllowed ? 'must be empty except for namespace' : 'must be empty',
      ),
    ]);
  }
}

/** The handlers of SubjectAccessReview and its relatives, by resource name. */
export function accessReviewHandlers(authorizer: Authorizer, rules: RuleResolver): Record<string, ReviewHandler> {
  const review = async (obj: KubeObject, user: UserInfo, self: boolean): Promise<KubeObject> => {
    const spec = specOf(obj);
    const errors = validateSpec(spec, self);
    if (errors.length > 0) throw newInvalid({ group: 'authorization.k8s.io', kind: obj.kind }, '', errors);
    const out = deepCopy(obj);
    out.status = status(await authorizer.authorize(attributesOf(spec, user)));
    return out;
  };
  const subject = (spec: ReviewSpec): UserInfo => ({
    name: spec.user ?? '',
    groups: spec.groups ?? [],
    ...(spec.uid ? { uid: spec.uid } : {}),
    ...(spec.extra ? { extra: spec.extra } : {}),
  });
  return {
    subjectaccessreviews: async (obj) => {
      refuseMetadata(obj, obj.kind, false);
      return review(obj, subject(specOf(obj)), false);
    },
    selfsubjectaccessreviews: async (obj, ctx) => {
      refuseMetadata(obj, obj.kind, false);
      return review(obj, ctx.user, true);
    },
    localsubjectaccessreviews: async (obj, ctx) => {
      refuseMetadata(obj, obj.kind, true);
      const spec = specOf(obj);
      if (spec.resourceAttributes && (spec.resourceAttributes.namespace ?? '') !== ctx.namespace) {
        throw newBadRequest(`spec.resourceAttributes.namespace must match namespace: ${ctx.namespace}`);
      }
      if (spec.nonResourceAttributes) {
        throw newInvalid({ group: 'authorization.k8s.io', kind: obj.kind }, '', [
          field.invalid('spec.nonResourceAttributes', spec.nonResourceAttributes, 'disallowed on this kind of request'),
        ]);
      }
      return review(obj, subject(spec), false);
    },
    selfsubjectrulesreviews: async (obj, ctx) => {
      const namespace = (obj.spec as { namespace?: string } | undefined)?.namespace ?? '';
      if (namespace === '') throw newBadRequest('no namespace on request');
      const found = await rules.rulesFor(ctx.user, namespace);
      const out = deepCopy(obj);
      out.status = {
        resourceRules: found.rules
          .filter((r) => (r.resources ?? []).length > 0)
          .map((r) => ({
            verbs: r.verbs,
            apiGroups: r.apiGroups ?? [],
            resources: r.resources ?? [],
            ...(r.resourceNames?.length ? { resourceNames: r.resourceNames } : {}),
          })),
        nonResourceRules: found.rules
          .filter((r) => (r.nonResourceURLs ?? []).length > 0)
          .map((r) => ({ verbs: r.verbs, nonResourceURLs: r.nonResourceURLs ?? [] })),
        incomplete: found.incomplete,
        ...(found.evaluationError ? { evaluationError: found.evaluationError } : {}),
      };
      return out;
    },
  };
}

/** SelfSubjectReview (`kubectl auth whoami`). */
export const selfSubjectReviewHandler: ReviewHandler = async (obj, ctx) => ({
  ...deepCopy(obj),
  status: {
    userInfo: {
      username: ctx.user.name,
      ...(ctx.user.uid ? { uid: ctx.user.uid } : {}),
      groups: ctx.user.groups,
      ...(ctx.user.extra ? { extra: ctx.user.extra } : {}),
    },
  },
});
