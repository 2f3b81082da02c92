import type { ResourceEntry } from '@kubelab/api';
import {
  type FieldSelector,
  type KubeObject,
  newBadRequest,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
} from '@kubelab/apimachinery';
import type { CacheItem, Selectable } from '@kubelab/storage';

/** Which objects of a collection a list, watch or deletecollection is about. */
export interface Selection {
  matches(object: KubeObject): boolean;
  /** The same of a cached object, which is decoded for that only once in its life. */
  matchesItem(item: CacheItem): boolean;
  /** Everything matches: no object needs to be looked at. */
  all: boolean;
  /** `metadata.name=NAME`: at most one object. */
  name?: string;
}

/** Selects all of a collection. */
export const everyObject: Selection = { all: true, matches: () => true, matchesItem: () => true };

/**
 * Reads labelSelector and fieldSelector of a query. @throws StatusError BadRequest for a text that is no selector, or a
 * field that the resource cannot be selected by
 */
export function selectionOf(entry: ResourceEntry, query: URLSearchParams): Selection {
  const labelText = query.get('labelSelector') ?? '';
  const fieldText = query.get('fieldSelector') ?? '';
  if (labelText === '' && fieldText === '') {
    return everyObject;
  }
  const labels = parse(labelText, parseLabelSelector);
  const fields = parse(fieldText, parseFieldSelector);
  const known = entry.selectableFields ?? {};
  for (const requirement of fields?.requirements ?? []) {
    if (!isMetaField(entry, requirement.field) && !known[requirement.field]) {
      throw newBadRequest(
        `Unable to find ${JSON.stringify(`${entry.group === '' ? '' : `${entry.group}/`}${entry.storageVersion}, Resource=${entry.resource}`)} that match label selector ${JSON.stringify(labelText)}, field selector ${JSON.stringify(fieldText)}: field label not supported: ${requirement.field}`,
      );
    }
  }
  const name = fields?.requiresExactMatch('metadata.name');
  const matches = (of: Selectable) => (!labels || labels.matches(of.labels)) && (!fields || fields.matches(of.fields));
  return {
    all: false,
    ...(name === undefined ? {} : { name }),
    matches: (object) => matches(selectableOf(entry, object)),
    matchesItem: (item) => {
      if (item.selectable?.of !== entry) {
        item.selectable = selectableOf(entry, item.object);
      }
      return matches(item.selectable as Selectable);
    },
  };
}

function isMetaField(entry: ResourceEntry, field: string): boolean {
  return field === 'metadata.name' || (entry.namespaced && field === 'metadata.namespace');
}

function selectableOf(entry: ResourceEntry, object: KubeObject): Selectable {
  const { name = '', namespace = '', labels = {} } = object.metadata;
  const fields: Record<string, string> = { 'metadata.name': name, 'metadata.namespace': namespace };
  for (const [field, read] of Object.entries(entry.selectableFields ?? {})) {
    fields[field] = read(object) ?? '';
  }
  return { of: entry, labels, fields };
}

function parse<T extends Selector | FieldSelector>(text: string, parser: (text: string) => T): T | undefined {
  if (text === '') {
    return undefined;
  }
  try {
    return parser(text);
  } catch (error) {
    throw newBadRequest((error as Error).message);
  }
}
