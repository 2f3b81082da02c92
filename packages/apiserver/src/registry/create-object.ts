import type { ResourceEntry } from '@kubelab/api';
import {
  FieldPath,
  generateName,
  isDns1123Subdomain,
  type KubeObject,
  newAlreadyExists,
  newBadRequest,
  newGenerateNameConflict,
  newInvalid,
  newUid,
  nowSecond,
  validateObjectMeta,
} from '@kubelab/apimachinery';
import type { CacheItem, Store } from '@kubelab/storage';
import { asItem, shownItem } from './as-item.js';
import { type PrepareContext, prepareForCreate } from './default-strategy.js';
import type { CreateHooks } from './hooks.js';
import { objectKeyOf } from './keys.js';
import { groupResource } from './store-errors.js';

export interface CreateRequest {
  namespace: string;
  /** In the storage version, defaulted; a private copy. */
  object: KubeObject;
  context: PrepareContext;
  dryRun: boolean;
  /** Mutating admission, before names and other system fields are filled in. */
  mutate?(object: KubeObject): Promise<KubeObject>;
  /** Sets managedFields on the final object. */
  track?(object: KubeObject): void;
  /** Validating admission, of the final object. */
  admit?(object: KubeObject): Promise<void>;
}

/** How often a generated name that is taken is replaced by another one (KEP-4420). */
const nameAttempts = 8;

/**
 * Creates an object: mutating admission, system fields, strategy, validation, validating admission, write.
 * @throws StatusError AlreadyExists, Invalid, BadRequest, Forbidden
 */
export async function createObject(
  store: Store,
  hooks: CreateHooks,
  entry: ResourceEntry,
  request: CreateRequest,
): Promise<CacheItem> {
  if (request.object.metadata.resourceVersion) {
    throw newBadRequest('resourceVersion should not be set on objects to be created');
  }
  const object = request.mutate ? await request.mutate(request.object) : request.object;
  const { metadata } = object;
  const generated = !metadata.name && metadata.generateName ? metadata.generateName : undefined;
  fillSystemFields(object);
  prepareForCreate(entry, object, request.context);
  request.track?.(object);
  for (let attempt = 1; ; attempt++) {
    if (generated) {
      metadata.name = generateName(generated);
    }
    const undo = await hooks.beforeCreate(entry, object, request.dryRun);
    try {
      validate(entry, object, request.context);
      await request.admit?.(object);
      const key = objectKeyOf(entry, metadata.namespace ?? '', metadata.name ?? '');
      const item = request.dryRun ? await dryCreate(store, key, object) : await store.create(key, object);
      if (item) {
        return asItem(item);
      }
    } catch (error) {
      await undo();
      throw error;
    }
    await undo();
    if (!generated) {
      throw newAlreadyExists(groupResource(entry), metadata.name ?? '');
    }
    if (attempt === nameAttempts) {
      throw newGenerateNameConflict(groupResource(entry), metadata.name ?? '', 1);
    }
  }
}

async function dryCreate(store: Store, key: string, object: KubeObject) {
  return (await store.get(key)) ? undefined : shownItem(key, 0, object);
}

/** What only the server sets (rest.FillObjectMetaSystemFields and BeforeCreate). */
function fillSystemFields({ metadata }: KubeObject): void {
  metadata.uid = newUid();
  metadata.creationTimestamp = nowSecond();
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.generation;
}

/** The default for names; a generateName may end in a dash, since something follows it. */
function subdomainName(name: string, prefix: boolean): string[] {
  return isDns1123Subdomain(prefix && name.length > 1 ? name.replace(/-$/, 'a') : name);
}

function validate(entry: ResourceEntry, object: KubeObject, context: PrepareContext): void {
  const nameFn = entry.validateName ?? subdomainName;
  const errors = [
    ...validateObjectMeta(object.metadata, { namespaced: entry.namespaced, nameFn }, FieldPath.of('metadata')),
    ...(entry.strategy.validateCreate?.(object, context) ?? []),
  ];
  if (errors.length > 0) {
    throw newInvalid({ group: entry.group, kind: entry.kind }, object.metadata.name ?? '', errors);
  }
}
