import type { ObjectAccess } from '../object-access.js';
import type { Authorizer, RuleResolver } from './authorizer.js';
import { reconcileDefaultPolicy } from './bootstrap.js';
import { EscalationChecker } from './escalation.js';
import { NodeAuthorizer } from './node-authorizer.js';
import { NodeGraph } from './node-graph.js';
import { RbacAuthorizer } from './rbac.js';
import { accessReviewHandlers, type ReviewHandler, selfSubjectReviewHandler } from './reviews.js';
import {
  AlwaysAllowAuthorizer,
  AlwaysDenyAuthorizer,
  PrivilegedGroupAuthorizer,
  UnionAuthorizer,
  UnionRuleResolver,
} from './union.js';

/** Authorization as the request chain uses it. */
export interface Authorization {
  authorizer: Authorizer;
  rules: RuleResolver;
  /** Checks writes of roles and bindings; absent without RBAC. */
  escalation?: EscalationChecker;
  /** Handlers of subjectaccessreviews, selfsubjectaccessreviews, localsubjectaccessreviews, selfsubjectrulesreviews, selfsubjectreviews. */
  reviews: Record<string, ReviewHandler>;
  /** Follows roles, bindings, pods ...; resolves when it knows those that exist. The server is not ready before. */
  start(): Promise<void>;
  /** Creates the default roles and bindings (with RBAC only). */
  bootstrap(): Promise<void>;
  stop(): void;
}

/**
 * Puts together the authorizers of --authorization-mode, in its order.
 * @param modes Node, RBAC, AlwaysAllow, AlwaysDeny, Webhook
 * @param webhook the authorizer for the mode Webhook
 * @throws Error for an unknown mode
 */
export function createAuthorization(
  modes: string[],
  objects: ObjectAccess,
  webhook?: Authorizer & RuleResolver,
): Authorization {
  const members: Authorizer[] = [new PrivilegedGroupAuthorizer()];
  const resolvers: RuleResolver[] = [];
  const starts: (() => Promise<() => void>)[] = [];
  let rbac: RbacAuthorizer | undefined;
  for (const mode of modes) {
    let member: Authorizer & RuleResolver;
    switch (mode) {
      case 'RBAC': {
        const r = new RbacAuthorizer();
        rbac = r;
        member = r;
        starts.push(() => r.start(objects));
        break;
      }
      case 'Node': {
        const graph = new NodeGraph();
        member = new NodeAuthorizer(graph);
        starts.push(() => graph.start(objects));
        break;
      }
      case 'AlwaysAllow':
        member = new AlwaysAllowAuthorizer();
        break;
      case 'AlwaysDeny':
        member = new AlwaysDenyAuthorizer();
        break;
      case 'Webhook':
        if (!webhook) throw new Error('authorization mode Webhook needs --authorization-webhook-config-file');
        member = webhook;
        break;
      default:
        throw new Error(`unknown authorization mode ${JSON.stringify(mode)}`);
    }
    members.push(member);
    resolvers.push(member);
  }
  const authorizer = new UnionAuthorizer(members);
  const rules = new UnionRuleResolver(resolvers);
  let stops: (() => void)[] = [];
  return {
    authorizer,
    rules,
    ...(rbac ? { escalation: new EscalationChecker(authorizer, rbac, rbac) } : {}),
    reviews: { ...accessReviewHandlers(authorizer, rules), selfsubjectreviews: selfSubjectReviewHandler },
    start: async () => {
      stops = await Promise.all(starts.map((s) => s()));
    },
    bootstrap: async () => {
      if (rbac) await reconcileDefaultPolicy(objects);
    },
    stop: () => {
      for (const stop of stops) stop();
      stops = [];
    },
  };
}
