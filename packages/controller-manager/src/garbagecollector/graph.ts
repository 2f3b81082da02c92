import type { V1ObjectMeta, V1OwnerReference } from '@kubelab/api';

export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';

export interface Identity {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
  uid: string;
}

/** An object in the ownership graph. */
export interface GraphNode {
  identity: Identity;
  owners: V1OwnerReference[];
  /** Nodes that name this one as owner. */
  dependents: Set<GraphNode>;
  beingDeleted: boolean;
  /** Being deleted in the foreground: waits until its blocking dependents are gone. */
  deletingDependents: boolean;
  /** Only known from others' references: whether it exists is not known yet. */
  virtual: boolean;
}

/** What the graph asks for when it changes. */
export interface GraphActions {
  attemptToDelete(uid: string): void;
  attemptToOrphan(uid: string): void;
}

interface ObservedObject {
  apiVersion: string;
  kind: string;
  metadata: V1ObjectMeta;
}

/**
 * The objects of the cluster and who owns whom, kept up by watch events (pkg/controller/garbagecollector GraphBuilder).
 * Rebuilt from the caches at every start.
 */
export class OwnershipGraph {
  private readonly nodes = new Map<string, GraphNode>();

  constructor(private readonly actions: GraphActions) {}

  node(uid: string): GraphNode | undefined {
    return this.nodes.get(uid);
  }

  get size(): number {
    return this.nodes.size;
  }

  /** An object was added or changed. */
  observe(object: ObservedObject): void {
    const meta = object.metadata;
    const uid = meta.uid ?? '';
    const node = this.nodes.get(uid);
    const owners = meta.ownerReferences ?? [];
    if (!node) {
      const fresh: GraphNode = {
        identity: identityOf(object),
        owners,
        dependents: new Set(),
        beingDeleted: meta.deletionTimestamp !== undefined,
        deletingDependents: isForegroundDeletion(meta),
        virtual: false,
      };
      this.nodes.set(uid, fresh);
      this.link(fresh, owners);
      this.processTransition(fresh, meta);
      return;
    }
    if (node.virtual) {
      node.virtual = false;
      node.identity = identityOf(object);
      // References that named it under other coordinates were wrong: they are looked at again.
      for (const dependent of node.dependents) {
        if (!this.coordinatesMatch(dependent, node)) this.actions.attemptToDelete(dependent.identity.uid);
      }
    }
    const before = node.owners;
    node.owners = owners;
    const removed = before.filter((reference) => !owners.some((now) => now.uid === reference.uid));
    const added = owners.filter((reference) => !before.some((old) => old.uid === reference.uid));
    this.unblockOwners(before, owners);
    this.link(node, added);
    for (const reference of removed) this.unlink(node, reference.uid);
    node.beingDeleted = meta.deletionTimestamp !== undefined;
    this.processTransition(node, meta);
  }

  /** An object is gone, seen by a watch or by a read that did not find it. */
  remove(uid: string): void {
    const node = this.nodes.get(uid);
    if (!node) return;
    this.nodes.delete(uid);
    for (const reference of node.owners) this.unlink(node, reference.uid);
    for (const dependent of node.dependents) this.actions.attemptToDelete(dependent.identity.uid);
    for (const reference of node.owners) {
      const owner = this.nodes.get(reference.uid);
      if (owner?.deletingDependents) this.actions.attemptToDelete(reference.uid);
    }
  }

  /** Dependents that must be gone before the node may go: those whose reference to it has blockOwnerDeletion. */
  blockingDependents(node: GraphNode): GraphNode[] {
    return [...node.dependents].filter((dependent) =>
      dependent.owners.some((owner) => owner.uid === node.identity.uid && owner.blockOwnerDeletion === true),
    );
  }

  /** All nodes of a kind that is no longer served are dropped: nothing will tell of them any more. */
  removeKind(apiVersion: string, kind: string): void {
    for (const node of [...this.nodes.values()]) {
      if (node.identity.apiVersion === apiVersion && node.identity.kind === kind) this.remove(node.identity.uid);
    }
  }

  private link(node: GraphNode, owners: V1OwnerReference[]): void {
    for (const reference of owners) {
      let owner = this.nodes.get(reference.uid);
      if (!owner) {
        owner = virtualNode(reference, node.identity.namespace);
        this.nodes.set(reference.uid, owner);
        owner.dependents.add(node);
        this.actions.attemptToDelete(reference.uid);
        continue;
      }
      owner.dependents.add(node);
      if (!owner.virtual && !this.coordinatesMatch(node, owner)) this.actions.attemptToDelete(node.identity.uid);
    }
  }

  private unlink(node: GraphNode, ownerUid: string): void {
    const owner = this.nodes.get(ownerUid);
    if (!owner) return;
    owner.dependents.delete(node);
    if (owner.virtual && owner.dependents.size === 0) this.nodes.delete(ownerUid);
  }

  private coordinatesMatch(dependent: GraphNode, owner: GraphNode): boolean {
    const reference = dependent.owners.find((candidate) => candidate.uid === owner.identity.uid);
    if (!reference) return true;
    const { identity } = owner;
    const sameGroup = reference.apiVersion.split('/')[0] === identity.apiVersion.split('/')[0];
    const namespaceFits = identity.namespace === undefined || identity.namespace === dependent.identity.namespace;
    return reference.kind === identity.kind && reference.name === identity.name && sameGroup && namespaceFits;
  }

  /** A reference that no longer blocks its owner's foreground deletion lets the owner be looked at again. */
  private unblockOwners(before: V1OwnerReference[], now: V1OwnerReference[]): void {
    for (const reference of before) {
      if (!reference.blockOwnerDeletion) continue;
      const current = now.find((candidate) => candidate.uid === reference.uid);
      if (!current?.blockOwnerDeletion && this.nodes.has(reference.uid)) this.actions.attemptToDelete(reference.uid);
    }
  }

  private processTransition(node: GraphNode, meta: V1ObjectMeta): void {
    if (!meta.deletionTimestamp) return;
    const finalizers = meta.finalizers ?? [];
    if (finalizers.includes(orphanFinalizer)) this.actions.attemptToOrphan(node.identity.uid);
    if (finalizers.includes(foregroundFinalizer)) {
      node.deletingDependents = true;
      for (const dependent of node.dependents) this.actions.attemptToDelete(dependent.identity.uid);
      this.actions.attemptToDelete(node.identity.uid);
    }
  }
}

function isForegroundDeletion(meta: V1ObjectMeta): boolean {
  return meta.deletionTimestamp !== undefined && (meta.finalizers ?? []).includes(foregroundFinalizer);
}

function identityOf(object: ObservedObject): Identity {
  const { namespace, name, uid } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, namespace, name: name ?? '', uid: uid ?? '' };
}

function virtualNode(reference: V1OwnerReference, namespace: string | undefined): GraphNode {
  const { apiVersion, kind, name, uid } = reference;
  return {
    identity: { apiVersion, kind, name, uid, namespace },
    owners: [],
    dependents: new Set(),
    beingDeleted: false,
    deletingDependents: false,
    virtual: true,
  };
}
