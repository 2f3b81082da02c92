import type { ResourceEntry, ResourceVersion } from '@kubelab/api';
import type { KubeObject } from '@kubelab/apimachinery';
import type { CacheItem } from '@kubelab/storage';
import { preparedConversion } from './prepared-conversion.js';

export function groupVersionText(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The served version of a row by name; undefined when it is not served. */
export function versionOfEntry(entry: ResourceEntry, version: string): ResourceVersion | undefined {
  return entry.versions.find((served) => served.version === version);
}

/** A stored object in the version that a client asked for. The result may share parts with the stored one. */
export function toServed(entry: ResourceEntry, served: ResourceVersion, stored: KubeObject): KubeObject {
  const apiVersion = groupVersionText(entry.group, served.version);
  const converted = served.convert
    ? preparedConversion(served, stored)
    : served.fromStorage
      ? served.fromStorage(stored)
      : stored;
  if (converted.apiVersion === apiVersion && converted.kind === entry.kind) {
    return converted;
  }
  // The order of what is stored: lists find kind and version in front.
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = converted;
  return { kind: entry.kind, apiVersion, ...rest };
}

/** An object of a client in the version that is stored. */
export function toStored(entry: ResourceEntry, served: ResourceVersion, object: KubeObject): KubeObject {
  const converted = served.convert
    ? preparedConversion(served, object)
    : served.toStorage
      ? served.toStorage(object)
      : object;
  const apiVersion = groupVersionText(entry.storageGroup ?? entry.group, entry.storageVersion);
  return converted.apiVersion === apiVersion ? converted : { ...converted, apiVersion };
}

/** The encoded form of a cached object in a version: encoded once, then shared by every reader and watcher. */
export function encodeItem(entry: ResourceEntry, served: ResourceVersion, item: CacheItem): Buffer {
  if (isStoredForm(entry, served)) {
    return item.bytes;
  }
  // A definition of custom resources that changed has another schema name: what it encodes is made anew.
  const key = `${entry.group}/${served.version}/${served.schemaName}`;
  let bytes = item.encodings.get(key);
  if (!bytes) {
    bytes = Buffer.from(JSON.stringify(toServed(entry, served, item.object)));
    item.encodings.set(key, bytes);
  }
  return bytes;
}

/** Whether what a client of the version sees is what is stored. */
export function isStoredForm(entry: ResourceEntry, served: ResourceVersion): boolean {
  return (
    !served.fromStorage &&
    !served.convert &&
    served.version === entry.storageVersion &&
    (entry.storageGroup === undefined || entry.storageGroup === entry.group)
  );
}
