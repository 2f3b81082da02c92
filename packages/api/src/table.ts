import type { ResourceEntry, ResourceVersion } from './resource.js';

/** Told after each change of the table: which rows came and went. */
export type TableListener = (change: { added?: ResourceEntry; removed?: ResourceEntry }) => void;

const key = (group: string, version: string, name: string): string => `${group}/${version}/${name}`;

/**
 * The resources that the API serves, found by group, version and plural name or kind. CRDs add and remove rows while
 * the server runs; listeners (discovery, OpenAPI, routing) are told synchronously.
 */
export class ResourceTable {
  readonly #entries = new Set<ResourceEntry>();
  readonly #byResource = new Map<string, ResourceEntry>();
  /** By group and plural name, whatever the version: looked up several times in each write. */
  readonly #rows = new Map<string, ResourceEntry>();
  readonly #byKind = new Map<string, ResourceEntry>();
  readonly #listeners = new Set<TableListener>();

  constructor(entries: Iterable<ResourceEntry> = []) {
    for (const entry of entries) this.#insert(entry);
  }

  /** The resource served under this group, version and plural name. */
  lookup(group: string, version: string, resource: string): ResourceEntry | undefined {
    return this.#byResource.get(key(group, version, resource));
  }

  /** The resource that serves this kind in this version. */
  byKind(group: string, version: string, kind: string): ResourceEntry | undefined {
    return this.#byKind.get(key(group, version, kind));
  }

  /** The row of a group with this plural name. */
  row(group: string, resource: string): ResourceEntry | undefined {
    return this.#rows.get(`${group}/${resource}`);
  }

  /** All rows, in the order they were added. */
  all(): ResourceEntry[] {
    return [...this.#entries];
  }

  /** Rows of one group. */
  group(group: string): ResourceEntry[] {
    return this.all().filter((e) => e.group === group);
  }

  /** Adds a row; a row of the same group and plural name is replaced in one step. */
  add(entry: ResourceEntry): void {
    const old = this.row(entry.group, entry.resource);
    if (old) this.#delete(old);
    this.#insert(entry);
    for (const listener of this.#listeners) listener({ added: entry, removed: old });
  }

  /** Takes a row away; does nothing when it isn't there. */
  remove(entry: ResourceEntry): void {
    if (!this.#entries.has(entry)) return;
    this.#delete(entry);
    for (const listener of this.#listeners) listener({ removed: entry });
  }

  /** Registers a listener; returns the function that takes it off. */
  onChange(listener: TableListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #insert(entry: ResourceEntry): void {
    this.#entries.add(entry);
    this.#rows.set(`${entry.group}/${entry.resource}`, entry);
    for (const { version } of entry.versions) {
      this.#byResource.set(key(entry.group, version, entry.resource), entry);
      this.#byKind.set(key(entry.group, version, entry.kind), entry);
    }
  }

  #delete(entry: ResourceEntry): void {
    this.#entries.delete(entry);
    this.#rows.delete(`${entry.group}/${entry.resource}`);
    for (const { version } of entry.versions) {
      this.#byResource.delete(key(entry.group, version, entry.resource));
      this.#byKind.delete(key(entry.group, version, entry.kind));
    }
  }
}

/** The named version of a row. */
export function versionOf(entry: ResourceEntry, version: string): ResourceVersion | undefined {
  return entry.versions.find((v) => v.version === version);
}
