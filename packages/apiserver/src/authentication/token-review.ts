import { deepCopy, FieldPath, field, newInvalid } from '@kubelab/apimachinery';
import type { ReviewHandler } from '../authorization/reviews.js';
import { systemGroup, type TokenAuthenticator } from './authenticator.js';

/** TokenReview: tells an extension whose bearer token it was given. */
export function tokenReviewHandler(tokens: TokenAuthenticator, apiAudiences: string[]): ReviewHandler {
  return async (obj) => {
    const spec = (obj.spec ?? {}) as { token?: string; audiences?: string[] };
    if (!spec.token) {
      throw newInvalid({ group: 'authentication.k8s.io', kind: 'TokenReview' }, '', [
        field.required(FieldPath.of('spec', 'token'), ''),
      ]);
    }
    const out = deepCopy(obj);
    const audiences = spec.audiences?.length ? spec.audiences : apiAudiences;
    try {
      const identity = await tokens.authenticateToken(spec.token, audiences);
      if (!identity) {
        out.status = { user: {}, authenticated: false, error: '[invalid bearer token]' };
        return out;
      }
      const { name, uid, groups, extra } = identity.user;
      out.status = {
        authenticated: true,
        user: {
          username: name,
          ...(uid ? { uid } : {}),
          groups: groups.includes(systemGroup.authenticated) ? groups : [...groups, systemGroup.authenticated],
          ...(extra ? { extra } : {}),
        },
        // Authenticators that know no audiences authenticate for the API server's own.
        audiences: identity.audiences ?? audiences.filter((a) => apiAudiences.includes(a)),
      };
    } catch (err) {
      out.status = { user: {}, authenticated: false, error: `[invalid bearer token, ${(err as Error).message}]` };
    }
    return out;
  };
}
