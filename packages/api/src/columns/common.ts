import { formatLabelSelector, humanDuration, type KubeObject, parseTime } from '@kubelab/apimachinery';
import type { V1Container } from '../generated/types.js';
import type { Column } from '../resource.js';

/** How long ago a time was, as `kubectl get` shows it; `<unknown>` without one. */
export function since(time: string | null | undefined, now: number = Date.now()): string {
  const at = parseTime(time ?? undefined);
  return at === undefined ? '<unknown>' : humanDuration(now - at);
}

/** A column on the kind's own type. */
export function column<T = KubeObject>(
  name: string,
  description: string,
  cell: (obj: T) => unknown,
  options: { type?: Column['type']; priority?: number } = {},
): Column {
  return {
    name,
    type: options.type ?? 'string',
    description,
    priority: options.priority ?? 0,
    // The table holds objects of every kind as plain JSON.
    cell: (obj) => cell(obj as unknown as T),
  };
}

/** A column that only `-o wide` shows. */
export const wide = <T = KubeObject>(name: string, description: string, cell: (obj: T) => unknown): Column =>
  column<T>(name, description, cell, { priority: 1 });

/** A column of whole numbers. */
export const integer = <T = KubeObject>(name: string, description: string, cell: (obj: T) => unknown): Column =>
  column<T>(name, description, cell, { type: 'integer' });

/** The first column of nearly every table. */
export const NAME: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace. Cannot be updated.',
  priority: 0,
  cell: (obj) => obj.metadata.name,
};

/** Time since creation. */
export const AGE: Column = column(
  'Age',
  'Time since the object was created, by the server that created it.',
  (obj: KubeObject) => since(obj.metadata.creationTimestamp),
);

/** The creation time itself, for kinds without columns of their own. */
export const CREATED_AT: Column = {
  name: 'Created At',
  type: 'date',
  description: 'Time when the object was created, in RFC 3339 form and UTC.',
  priority: 0,
  cell: (obj) => obj.metadata.creationTimestamp,
};

/** Columns of a kind that has none of its own. */
export const DEFAULT_COLUMNS: Column[] = [NAME, CREATED_AT];

/** Names and images of a template's containers, comma separated. */
export function containersAndImages(containers: V1Container[] | undefined): { names: string; images: string } {
  const all = containers ?? [];
  return { names: all.map((c) => c.name).join(','), images: all.map((c) => c.image ?? '').join(',') };
}

/** A label selector, `<none>` when there is none, `<error>` when it is none that could match. */
export function selectorText(selector: Parameters<typeof formatLabelSelector>[0]): string {
  try {
    return formatLabelSelector(selector) || '<none>';
  } catch {
    return '<error>';
  }
}

/** A map of labels as `a=b,c=d`, sorted; `<none>` when empty. */
export function labelsText(labels: { [key: string]: string } | undefined): string {
  const parts = Object.entries(labels ?? {}).map(([k, v]) => `${k}=${v}`);
  return parts.length === 0 ? '<none>' : parts.sort().join(',');
}
