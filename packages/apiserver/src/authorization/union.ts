import type { UserInfo } from '../authentication/authenticator.js';
import type {
  AuthorizationAttributes,
  AuthorizationResult,
  Authorizer,
  RuleResolver,
  UserRules,
} from './authorizer.js';

/** Asks authorizers in order until one allows or denies. */
export class UnionAuthorizer implements Authorizer {
  constructor(private readonly members: Authorizer[]) {}

  authorize(a: AuthorizationAttributes): AuthorizationResult | Promise<AuthorizationResult> {
    const reasons: string[] = [];
    const errors: string[] = [];
    const step = (i: number): AuthorizationResult | Promise<AuthorizationResult> => {
      const member = this.members[i];
      if (!member) {
        return {
          decision: 'noOpinion',
          reason: reasons.join('\n'),
          ...(errors.length > 0 ? { error: errors.join(', ') } : {}),
        };
      }
      const take = (r: AuthorizationResult): AuthorizationResult | Promise<AuthorizationResult> => {
        if (r.decision !== 'noOpinion') return r;
        if (r.reason) reasons.push(r.reason);
        if (r.error) errors.push(r.error);
        return step(i + 1);
      };
      const result = member.authorize(a);
      return result instanceof Promise ? result.then(take) : take(result);
    };
    return step(0);
  }
}

/** Joins the rules that several authorizers know of. */
export class UnionRuleResolver implements RuleResolver {
  constructor(private readonly members: RuleResolver[]) {}

  async rulesFor(user: UserInfo, namespace: string): Promise<UserRules> {
    const all = await Promise.all(this.members.map((m) => m.rulesFor(user, namespace)));
    const errors = all.map((r) => r.evaluationError).filter((e) => e !== undefined);
    return {
      rules: all.flatMap((r) => r.rules),
      incomplete: all.some((r) => r.incomplete),
      ...(errors.length > 0 ? { evaluationError: errors.join(', ') } : {}),
    };
  }
}

/** Members of system:masters may do everything, whatever the roles say. */
export class PrivilegedGroupAuthorizer implements Authorizer {
  constructor(private readonly group = 'system:masters') {}
  authorize(a: AuthorizationAttributes): AuthorizationResult {
    return a.user.groups.includes(this.group) ? { decision: 'allow', reason: '' } : { decision: 'noOpinion' };
  }
}

/** --authorization-mode=AlwaysAllow. */
export class AlwaysAllowAuthorizer implements Authorizer, RuleResolver {
  authorize(): AuthorizationResult {
    return { decision: 'allow' };
  }
  rulesFor(): UserRules {
    return {
      rules: [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ],
      incomplete: false,
    };
  }
}

/** --authorization-mode=AlwaysDeny. */
export class AlwaysDenyAuthorizer implements Authorizer, RuleResolver {
  authorize(): AuthorizationResult {
    return { decision: 'noOpinion', reason: 'Everything is forbidden.' };
  }
  rulesFor(): UserRules {
    return { rules: [], incomplete: false };
  }
}
