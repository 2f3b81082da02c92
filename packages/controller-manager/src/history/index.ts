import type { V1ControllerRevision } from '@kubelab/api';
import { isAlreadyExists, isNotFound, semanticEqual } from '@kubelab/apimachinery';
import { type Client, gvr, type ResourceClient } from '@kubelab/client';
import { canonical, canonicalOrder } from '../framework/canonical.js';
import type { ControllerRevision } from '../framework/kinds.js';
import type { Live } from '../framework/live.js';
import { controllerOf, controllerRef } from '../framework/owner-reference.js';
import { templateHash } from '../framework/template-hash.js';

/** Label with the hash, on revisions and on the pods made from them. */
export const revisionHashLabel = 'controller-revision-hash';
const hashLabel = 'controller.kubernetes.io/hash';

type Owner = Live<{ spec?: unknown }>;

/** Oldest first. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision !== b.revision) return a.revision - b.revision;
  const age = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  return age || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/**
 * What a revision keeps: a strategic merge patch that gives its owner the pod template back. Clients compare its text
 * with the patch they make themselves of the owner, so it is written as Go does: keys in order, the template's
 * creation time null.
 */
export function templatePatch(template: unknown): { spec: { template: Record<string, unknown> } } {
  const written = canonical(template) as { metadata?: Record<string, unknown> };
  const metadata = canonicalOrder({ ...written.metadata, creationTimestamp: null });
  return { spec: { template: canonicalOrder({ ...written, $patch: 'replace', metadata }) } };
}

/** The revision that a template would have. */
export function newRevision(
  owner: Owner,
  template: { metadata?: { labels?: Record<string, string> } },
  revision: number,
  collisionCount: number,
): V1ControllerRevision {
  const hash = templateHash(template, collisionCount);
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${owner.metadata.name.slice(0, 223)}-${hash}`,
      namespace: owner.metadata.namespace,
      labels: { ...template.metadata?.labels, [hashLabel]: hash, [revisionHashLabel]: hash },
      annotations: { ...owner.metadata.annotations },
      ownerReferences: [controllerRef(owner)],
    },
    data: templatePatch(template),
    revision,
  };
}

export function sameData(revision: V1ControllerRevision, template: unknown): boolean {
  return semanticEqual(revision.data, templatePatch(template));
}

export interface RevisionSync {
  revision: ControllerRevision;
  collisionCount: number;
}

/** The writes on ControllerRevisions. */
export class RevisionControl {
  private readonly revisions: ResourceClient<V1ControllerRevision>;

  constructor(client: Client) {
    this.revisions = client.resource<V1ControllerRevision>(gvr.controllerrevisions);
  }

  /**
   * Sees to it that the owner's current template is the newest of its revisions: finds it, moves an older equal one to
   * the end (a rollback), or creates it. `owned` are the owner's revisions, in any order.
   */
  async sync(
    owner: Owner,
    template: { metadata?: { labels?: Record<string, string> } },
    owned: ControllerRevision[],
    collisionCount: number,
  ): Promise<RevisionSync> {
    const sorted = [...owned].sort(byRevision);
    const last = sorted.at(-1);
    const next = (last?.revision ?? 0) + 1;
    const equal = sorted.filter((revision) => sameData(revision, template)).at(-1);
    if (equal && equal === last) return { revision: equal, collisionCount };
    if (equal) {
      const moved = await this.revisions.namespace(owner.metadata.namespace).update({ ...equal, revision: next });
      return { revision: moved as ControllerRevision, collisionCount };
    }
    return this.create(owner, template, next, collisionCount);
  }

  private async create(
    owner: Owner,
    template: { metadata?: { labels?: Record<string, string> } },
    revision: number,
    collisionCount: number,
  ): Promise<RevisionSync> {
    const client = this.revisions.namespace(owner.metadata.namespace);
    for (let count = collisionCount; ; count++) {
      const wanted = newRevision(owner, template, revision, count);
      try {
        return { revision: (await client.create(wanted)) as ControllerRevision, collisionCount: count };
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        const existing = await client.get(wanted.metadata?.name ?? '');
        const ours = controllerOf(existing)?.uid === owner.metadata.uid;
        if (ours && sameData(existing, template)) {
          return { revision: existing as ControllerRevision, collisionCount: count };
        }
      }
    }
  }

  /** Deletes the oldest revisions beyond `limit` that are not in use. */
  async truncate(owned: ControllerRevision[], inUse: Set<string>, limit: number): Promise<void> {
    const unused = owned.filter((revision) => !inUse.has(revision.metadata.name)).sort(byRevision);
    for (const { metadata } of unused.slice(0, Math.max(0, unused.length - limit))) {
      try {
        await this.revisions.namespace(metadata.namespace).delete(metadata.name);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }
}
