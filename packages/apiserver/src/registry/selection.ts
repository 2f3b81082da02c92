import type { ResourceEntry } from '@kubelab/api';
import {
  type FieldSelector,
  type KubeObject,
  newBadRequest,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
} from '@kubelab/apimachinery';

/** Which objects of a collection a list, watch or deletecollection is about. */
export interface Selection {
  matches(object: KubeObject): boolean;
  /** Everything matches: no object needs to be looked at. */
  all: boolean;
  /** `metadata.name=NAME`: at most one object. */
  name?: string;
}

const everyObject: Selection = { all: true, matches: () => true };

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
  return {
    all: false,
    ...(name === undefined ? {} : { name }),
    matches: (object) =>
      (!labels || labels.matches(object.metadata.labels ?? {})) &&
      (!fields || fields.matches(fieldsOf(entry, fields, object))),
  };
}

function isMetaField(entry: ResourceEntry, field: string): boolean {
  return field === 'metadata.name' || (entry.namespaced && field === 'metadata.namespace');
}

function fieldsOf(entry: ResourceEntry, selector: FieldSelector, object: KubeObject): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { field } of selector.requirements) {
    if (field === 'metadata.name') {
      values[field] = object.metadata.name ?? '';
    } else if (field === 'metadata.namespace') {
      values[field] = object.metadata.namespace ?? '';
    } else {
      values[field] = entry.selectableFields?.[field]?.(object) ?? '';
    }
  }
  return values;
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
