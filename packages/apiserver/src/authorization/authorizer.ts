import type { UserInfo } from '../authentication/authenticator.js';

/** What a request wants to do (authorizer.Attributes). Resource requests and others ("non-resource") exclude each other. */
export interface AuthorizationAttributes {
  user: UserInfo;
  /** get, list, watch, create, update, patch, delete, deletecollection, or the lower-case HTTP method for other paths. */
  verb: string;
  resourceRequest: boolean;
  apiGroup: string;
  apiVersion: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** The URL's path. */
  path: string;
  fieldSelector?: string;
  labelSelector?: string;
}

export type Decision = 'allow' | 'deny' | 'noOpinion';

export interface AuthorizationResult {
  decision: Decision;
  reason?: string;
  /** Something went wrong while deciding (roles that don't exist, a webhook that did not answer). */
  error?: string;
}

/** Decides over requests. Answers at once where it can: the hot path has no promise then. */
export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): AuthorizationResult | Promise<AuthorizationResult>;
}

/** rbac.authorization.k8s.io/v1 PolicyRule. */
export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

export interface UserRules {
  rules: PolicyRule[];
  incomplete: boolean;
  evaluationError?: string;
}

/** Lists what a user may do in a namespace (SelfSubjectRulesReview). */
export interface RuleResolver {
  rulesFor(user: UserInfo, namespace: string): UserRules | Promise<UserRules>;
}
