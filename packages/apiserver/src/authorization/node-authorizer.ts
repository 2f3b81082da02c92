import { parseFieldSelector } from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/authenticator.js';
import type {
  AuthorizationAttributes,
  AuthorizationResult,
  Authorizer,
  RuleResolver,
  UserRules,
} from './authorizer.js';
import type { NodeGraph, VertexKind } from './node-graph.js';
import { nodeNameOf } from './node-identity.js';
import { nodeRules } from './policy/system-roles.js';
import { ruleAllows } from './rule-match.js';

const allow: AuthorizationResult = Object.freeze({ decision: 'allow' });
const none: AuthorizationResult = Object.freeze({ decision: 'noOpinion' });
const no = (reason: string): AuthorizationResult => ({ decision: 'noOpinion', reason });

const vertexOf: Record<string, VertexKind> = {
  '/secrets': 'secret',
  '/configmaps': 'configmap',
  '/persistentvolumeclaims': 'pvc',
  '/persistentvolumes': 'pv',
  'storage.k8s.io/volumeattachments': 'volumeattachment',
};

/**
 * The Node authorizer: a kubelet reads only the secrets, config maps, claims and volumes that the pods on its node
 * need, changes only its own node, lease and CSINode, and asks tokens only for its pods' service accounts.
 */
export class NodeAuthorizer implements Authorizer, RuleResolver {
  constructor(private readonly graph: NodeGraph) {}

  authorize(a: AuthorizationAttributes): AuthorizationResult {
    const node = nodeNameOf(a.user);
    if (node === undefined) {
      return a.user.groups.includes('system:nodes') ? no(`unknown node for user ${JSON.stringify(a.user.name)}`) : none;
    }
    if (a.resourceRequest) {
      const restricted = this.restricted(node, a);
      if (restricted) return restricted;
    }
    return nodeRules.some((r) => ruleAllows(r, a)) ? allow : none;
  }

  /** The answer for the resources that the graph or the node's own name narrow; undefined for the others. */
  private restricted(node: string, a: AuthorizationAttributes): AuthorizationResult | undefined {
    const key = `${a.apiGroup}/${a.resource}`;
    switch (key) {
      case '/secrets':
      case '/configmaps':
        return this.readNamed(node, a, vertexOf[key] as VertexKind);
      case '/persistentvolumeclaims':
        if (a.subresource === 'status') return this.statusUpdate(node, a);
        return this.getNamed(node, a, 'pvc');
      case '/persistentvolumes':
      case 'storage.k8s.io/volumeattachments':
        return this.getNamed(node, a, vertexOf[key] as VertexKind);
      case '/serviceaccounts':
        return this.token(node, a);
      case 'coordination.k8s.io/leases':
        return this.lease(node, a);
      case 'storage.k8s.io/csinodes':
        return this.ownNamed(node, a, 'CSINode');
      case '/nodes':
        return this.node(node, a);
      case '/pods':
        return this.pods(node, a);
      default:
        return undefined;
    }
  }

  private readNamed(node: string, a: AuthorizationAttributes, kind: VertexKind): AuthorizationResult {
    if (!['get', 'list', 'watch'].includes(a.verb)) return no('can only read resources of this type');
    // A list or watch of one object names it by field selector.
    return this.related(node, a, kind);
  }

  private getNamed(node: string, a: AuthorizationAttributes, kind: VertexKind): AuthorizationResult {
    if (a.verb !== 'get') return no('can only get individual resources of this type');
    if (a.subresource !== '') return no('cannot get subresource');
    return this.related(node, a, kind);
  }

  private statusUpdate(node: string, a: AuthorizationAttributes): AuthorizationResult {
    if (!['get', 'update', 'patch'].includes(a.verb)) return no('can only get/update/patch this type');
    return this.related(node, a, 'pvc');
  }

  private related(node: string, a: AuthorizationAttributes, kind: VertexKind): AuthorizationResult {
    if (a.name === '') return no('No Object name found');
    return this.graph.isNeeded(node, kind, a.namespace, a.name)
      ? allow
      : no(`no relationship found between node '${node}' and this object`);
  }

  private token(node: string, a: AuthorizationAttributes): AuthorizationResult {
    if (a.verb !== 'create' || a.subresource !== 'token')
      return no('can only create tokens for individual service accounts');
    return this.related(node, a, 'serviceaccount');
  }

  private lease(node: string, a: AuthorizationAttributes): AuthorizationResult {
    if (!['get', 'create', 'update', 'patch', 'delete'].includes(a.verb)) {
      return no('can only get, create, update, patch, or delete a node lease');
    }
    if (a.namespace !== 'kube-node-lease')
      return no('can only access leases in the "kube-node-lease" system namespace');
    if (a.verb !== 'create' && a.name !== node)
      return no('can only access node lease with the same name as the requesting node');
    return allow;
  }

  private ownNamed(node: string, a: AuthorizationAttributes, kind: string): AuthorizationResult {
    if (!['get', 'create', 'update', 'patch', 'delete'].includes(a.verb)) {
      return no(`can only get, create, update, patch, or delete a ${kind}`);
    }
    if (a.subresource !== '') return no(`cannot authorize ${kind} subresources`);
    if (a.verb !== 'create' && a.name !== node)
      return no(`can only access ${kind} with the same name as the requesting node`);
    return allow;
  }

  private node(node: string, a: AuthorizationAttributes): AuthorizationResult | undefined {
    if (a.subresource !== '' && a.subresource !== 'status') return undefined;
    switch (a.verb) {
      case 'create':
        // The name is in the body: NodeRestriction checks it.
        return a.subresource === '' ? allow : undefined;
      case 'update':
      case 'patch':
        if (a.name !== '' && a.name !== node) return no(`node '${node}' cannot modify node '${a.name}'`);
        return allow;
      case 'get':
      case 'list':
      case 'watch': {
        // Since 1.32 (AuthorizeNodeWithSelectors) a node reads itself only.
        const name = a.name !== '' ? a.name : exactField(a.fieldSelector, 'metadata.name');
        return name === node ? allow : no(`node '${node}' cannot read '${a.name}', only its own Node object`);
      }
      default:
        return undefined;
    }
  }

  private pods(node: string, a: AuthorizationAttributes): AuthorizationResult | undefined {
    if (a.subresource !== '' || !['list', 'watch'].includes(a.verb)) return undefined;
    // A single pod may be watched by name; the graph can't tell of pods that are not bound yet.
    if (a.name !== '') return allow;
    return exactField(a.fieldSelector, 'spec.nodeName') === node
      ? allow
      : no('can only list/watch pods with spec.nodeName field selector');
  }

  rulesFor(user: UserInfo): UserRules {
    if (nodeNameOf(user) === undefined) return { rules: [], incomplete: false };
    return {
      rules: nodeRules,
      incomplete: true,
      evaluationError: 'node authorizer does not support user rule resolution',
    };
  }
}

function exactField(selector: string | undefined, field: string): string | undefined {
  if (!selector) return undefined;
  try {
    return parseFieldSelector(selector).requiresExactMatch(field);
  } catch {
    // An invalid selector narrows nothing; the handler refuses it later.
    return undefined;
  }
}
