import type { IncomingMessage } from 'node:http';

/** Who a request comes from (user.Info of k8s.io/apiserver). */
export interface UserInfo {
  name: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

/** Well-known users and groups. */
export const systemUser = {
  anonymous: 'system:anonymous',
  kubeProxy: 'system:kube-proxy',
  controllerManager: 'system:kube-controller-manager',
  scheduler: 'system:kube-scheduler',
  apiServer: 'system:apiserver',
} as const;
export const systemGroup = {
  masters: 'system:masters',
  nodes: 'system:nodes',
  authenticated: 'system:authenticated',
  unauthenticated: 'system:unauthenticated',
  monitoring: 'system:monitoring',
  serviceAccounts: 'system:serviceaccounts',
} as const;

/**
 * Finds out who sent a request.
 * `undefined` means that the request carries no credentials of this kind; credentials that are wrong throw
 * (answered 401, never taken for anonymous).
 */
export interface Authenticator {
  authenticate(req: IncomingMessage): Promise<UserInfo | undefined>;
}

/** Finds out whom a bearer token belongs to; same rules as Authenticator. */
export interface TokenAuthenticator {
  /** @param audiences acceptable audiences, empty for those of the API server */
  authenticateToken(token: string, audiences: string[]): Promise<TokenIdentity | undefined>;
}

export interface TokenIdentity {
  user: UserInfo;
  /** The audiences that the token and the request have in common. */
  audiences?: string[];
  /** Milliseconds since the epoch after which the answer must not be cached. */
  expiresAt?: number;
}

/** Credentials that are present and wrong. */
export class AuthenticationError extends Error {
  override name = 'AuthenticationError';
}
