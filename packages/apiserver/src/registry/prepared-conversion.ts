import type { ResourceVersion } from '@kubelab/api';
import { type KubeObject, newInternalError } from '@kubelab/apimachinery';
import type { CacheItem } from '@kubelab/storage';

/*
 * Conversion by webhooks takes time, but handlers convert where they can't wait (joining lists, sending events). So
 * they ask for the conversions first, all at once, and take the results when they need them.
 */
const results = new WeakMap<KubeObject, Map<ResourceVersion, KubeObject>>();

function note(version: ResourceVersion, objects: KubeObject[], converted: KubeObject[]): void {
  objects.forEach((object, i) => {
    const known = results.get(object) ?? new Map<ResourceVersion, KubeObject>();
    known.set(version, converted[i] ?? object);
    results.set(object, known);
  });
}

/** Has stored objects converted to a version, so that toServed finds them. */
export async function prepareServed(version: ResourceVersion, objects: KubeObject[]): Promise<void> {
  if (!version.convert) return;
  const missing = objects.filter((o) => !results.get(o)?.has(version));
  if (missing.length > 0) note(version, missing, await version.convert.fromStorage(missing));
}

/**
 * The same for items of the cache, while `run` sends them: the cache holds decoded objects weakly, and the results hang
 * on them, so they are kept until then.
 */
export async function withPrepared<T>(
  version: ResourceVersion,
  items: CacheItem[],
  run: () => T | Promise<T>,
): Promise<T> {
  const kept = version.convert ? items.map((item) => item.object) : [];
  await prepareServed(version, kept);
  try {
    return await run();
  } finally {
    kept.length = 0;
  }
}

/** Has an object of a client converted to the stored version, so that toStored finds it. */
export async function prepareStored(version: ResourceVersion, object: KubeObject): Promise<void> {
  if (version.convert) note(version, [object], await version.convert.toStorage([object]));
}

/** What has been prepared for an object. @throws StatusError InternalError when nothing was */
export function preparedConversion(version: ResourceVersion, object: KubeObject): KubeObject {
  const converted = results.get(object)?.get(version);
  if (!converted) throw newInternalError(new Error(`the conversion of ${object.kind} was not prepared`));
  return converted;
}
