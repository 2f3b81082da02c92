import { isConflict, isNotFound } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { foregroundFinalizer, type GraphNode, type OwnershipGraph, orphanFinalizer } from './graph.js';
import type { MetadataObject, OwnerReader } from './owners.js';

/** The two jobs of the collector, each for one node of the graph. Everything is decided by live reads. */
export class Collector {
  constructor(
    private readonly graph: OwnershipGraph,
    private readonly owners: OwnerReader,
    private readonly logger: Logger,
    private readonly attemptToDelete: (uid: string) => void,
  ) {}

  /** Deletes the object if no owner keeps it; finishes its foreground deletion if its dependents are gone. */
  async attemptDelete(uid: string): Promise<void> {
    const node = this.graph.node(uid);
    if (!node) return;
    // Deletion is under way; only a foreground deletion needs us.
    if (node.beingDeleted && !node.deletingDependents) return;
    const latest = await this.owners.read(node.identity);
    if (!latest) {
      this.owners.rememberAbsent(uid);
      this.graph.remove(uid);
      return;
    }
    // Exists: the watch will make a real node of it. Its dependents are fine.
    if (node.virtual) return;
    if (node.deletingDependents) {
      await this.processForeground(node, latest);
      return;
    }
    const references = latest.metadata?.ownerReferences ?? [];
    if (references.length === 0) return;
    const { solid, dangling, waiting } = await this.owners.classify(references, node.identity.namespace);
    if (solid.length > 0) {
      const obsolete = new Set([...dangling, ...waiting].map((reference) => reference.uid));
      if (obsolete.size > 0) {
        await this.patchOwners(
          node,
          latest,
          references.filter((reference) => !obsolete.has(reference.uid)),
        );
      }
      return;
    }
    if (waiting.length > 0 && node.dependents.size > 0) {
      // A cycle of blocking references would wait for ever: give way first.
      if ([...node.dependents].some((dependent) => dependent.deletingDependents)) {
        const unblocked = references.map((reference) => ({ ...reference, blockOwnerDeletion: false }));
        await this.patchOwners(node, latest, unblocked);
      }
      await this.delete(node, latest, 'Foreground');
      return;
    }
    await this.delete(node, latest, policyOf(latest));
  }

  /** Takes the object's references off its dependents, then lets it go. */
  async attemptOrphan(uid: string): Promise<void> {
    const node = this.graph.node(uid);
    if (!node) return;
    await Promise.all([...node.dependents].map((dependent) => this.orphan(dependent, uid)));
    await this.removeFinalizer(node, orphanFinalizer);
  }

  private async processForeground(node: GraphNode, latest: MetadataObject): Promise<void> {
    const blocking = this.graph.blockingDependents(node);
    if (blocking.length === 0) {
      await this.removeFinalizer(node, foregroundFinalizer, latest);
      return;
    }
    for (const dependent of blocking) {
      if (!dependent.deletingDependents) this.attemptToDelete(dependent.identity.uid);
    }
  }

  private async delete(
    node: GraphNode,
    latest: MetadataObject,
    propagationPolicy: 'Orphan' | 'Background' | 'Foreground',
  ): Promise<void> {
    const { identity } = node;
    this.logger.debug('Deleting object without owners', { ...identity, propagationPolicy });
    const collection = await this.owners.collection(identity.apiVersion, identity.kind, identity.namespace);
    try {
      // The version precondition: an owner added meanwhile must win.
      await collection?.client.delete(identity.name, {
        propagationPolicy,
        preconditions: { uid: identity.uid, resourceVersion: latest.metadata?.resourceVersion },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  private async orphan(dependent: GraphNode, ownerUid: string): Promise<void> {
    const latest = await this.owners.read(dependent.identity);
    if (!latest) return;
    const references = latest.metadata?.ownerReferences ?? [];
    const kept = references.filter((reference) => reference.uid !== ownerUid);
    if (kept.length < references.length) await this.patchOwners(dependent, latest, kept);
  }

  private async patchOwners(node: GraphNode, latest: MetadataObject, ownerReferences: unknown[]): Promise<void> {
    await this.patch(node, {
      metadata: {
        uid: node.identity.uid,
        resourceVersion: latest.metadata?.resourceVersion,
        ownerReferences: ownerReferences.length > 0 ? ownerReferences : null,
      },
    });
  }

  private async removeFinalizer(node: GraphNode, finalizer: string, known?: MetadataObject): Promise<void> {
    const latest = known ?? (await this.owners.read(node.identity));
    const finalizers = latest?.metadata?.finalizers ?? [];
    if (!latest || !finalizers.includes(finalizer)) return;
    await this.patch(node, {
      metadata: {
        uid: node.identity.uid,
        resourceVersion: latest.metadata?.resourceVersion,
        finalizers: finalizers.filter((candidate) => candidate !== finalizer),
      },
    });
  }

  private async patch(node: GraphNode, patch: object): Promise<void> {
    const { identity } = node;
    const collection = await this.owners.collection(identity.apiVersion, identity.kind, identity.namespace);
    try {
      await collection?.client.patch(identity.name, patch, { type: 'merge' });
    } catch (error) {
      if (isNotFound(error)) return;
      // Changed meanwhile: once more with what it is now.
      if (isConflict(error)) this.logger.debug('Object changed while being patched', { ...identity });
      throw error;
    }
  }
}

function policyOf(object: MetadataObject): 'Orphan' | 'Background' | 'Foreground' {
  const finalizers = object.metadata?.finalizers ?? [];
  if (finalizers.includes(orphanFinalizer)) return 'Orphan';
  return finalizers.includes(foregroundFinalizer) ? 'Foreground' : 'Background';
}
