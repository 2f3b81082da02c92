import type { V1ObjectMeta } from '@kubelab/api';
import { isNotFound, StatusError } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import { type Discovery, discoverResources, type ServedResource } from '../discovery/index.js';

/** What is left of a namespace's content after an attempt to delete all of it. */
export interface DeletionResult {
  /** Objects left, by resource (`pods.`, `deployments.apps`). */
  remaining: Map<string, number>;
  /** Objects left that wait for a finalizer, by finalizer. */
  finalizers: Map<string, number>;
  discoveryErrors: string[];
  contentErrors: string[];
  /** Milliseconds until pods being deleted gracefully should be gone. */
  estimateMs: number;
}

interface Item {
  metadata?: V1ObjectMeta;
}

/** Deletes all objects of a namespace and counts what remains. Events of one kind of failure do not stop the others. */
export async function deleteAllContent(client: Client, namespace: string): Promise<DeletionResult> {
  const result: DeletionResult = {
    remaining: new Map(),
    finalizers: new Map(),
    discoveryErrors: [],
    contentErrors: [],
    estimateMs: 0,
  };
  let discovery: Discovery;
  try {
    discovery = await discoverResources(client);
  } catch (error) {
    result.discoveryErrors.push(messageOf(error));
    return result;
  }
  for (const [groupVersion, message] of discovery.failed) {
    result.discoveryErrors.push(`unable to retrieve the complete list of server APIs: ${groupVersion}: ${message}`);
  }
  const deletable = discovery.resources.filter((entry) => entry.namespaced && entry.verbs.includes('delete'));
  // Pods first: what guards them (network policies, quotas) must outlive them (KEP-5080).
  const isPods = (entry: ServedResource): boolean => entry.group === '' && entry.resource === 'pods';
  await attempt(deletable.filter(isPods));
  if (result.remaining.size > 0 || result.contentErrors.length > 0) return result;
  await attempt(deletable.filter((entry) => !isPods(entry)));
  return result;

  async function attempt(entries: ServedResource[]): Promise<void> {
    await Promise.all(
      entries.map(async (entry) => {
        try {
          await deleteResource(client, namespace, entry, result);
        } catch (error) {
          result.contentErrors.push(messageOf(error));
        }
      }),
    );
  }
}

async function deleteResource(
  client: Client,
  namespace: string,
  entry: ServedResource,
  result: DeletionResult,
): Promise<void> {
  const resource = client.resource<Item>(entry).namespace(namespace);
  if (entry.resource === 'pods' && entry.group === '') {
    result.estimateMs = Math.max(result.estimateMs, await graceOfPods(resource));
  }
  const collectionDeletable = entry.verbs.includes('deletecollection');
  if (collectionDeletable) {
    await ignoreUnsupported(() => resource.deleteCollection({ propagationPolicy: 'Background' }));
  }
  if (!entry.verbs.includes('list')) return;
  const items = await listItems(resource);
  if (!collectionDeletable) {
    for (const item of items) {
      await ignoreUnsupported(() => resource.delete(item.metadata?.name ?? '', { propagationPolicy: 'Background' }));
    }
  }
  const left = collectionDeletable ? items : await listItems(resource);
  if (left.length === 0) return;
  result.remaining.set(`${entry.resource}.${entry.group}`, left.length);
  for (const item of left) {
    for (const finalizer of item.metadata?.finalizers ?? []) {
      result.finalizers.set(finalizer, (result.finalizers.get(finalizer) ?? 0) + 1);
    }
  }
}

type Collection = ReturnType<ReturnType<Client['resource']>['namespace']>;

async function listItems(
  resource: { list: Collection['list'] } | { list(): Promise<{ items: Item[] }> },
): Promise<Item[]> {
  try {
    return (await resource.list()).items as Item[];
  } catch (error) {
    if (isUnsupported(error)) return [];
    throw error;
  }
}

async function graceOfPods(resource: { list(): Promise<{ items: Item[] }> }): Promise<number> {
  const pods = await listItems(resource);
  const seconds = pods.map((pod) => {
    const spec = (pod as { spec?: { terminationGracePeriodSeconds?: number } }).spec;
    const status = (pod as { status?: { phase?: string } }).status;
    if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
    return pod.metadata?.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 0;
  });
  return Math.max(0, ...seconds) * 1000;
}

async function ignoreUnsupported(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

/** A kind that vanished since discovery, or that cannot be deleted so, has nothing to delete. */
function isUnsupported(error: unknown): boolean {
  return isNotFound(error) || (error instanceof StatusError && error.code === 405);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
