import type { Column, ResourceEntry } from '@kubelab/api';
import type { KubeObject, ListMeta } from '@kubelab/apimachinery';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

const tableVersion = 'meta.k8s.io/v1';

/** The column definitions of a row in a version, as the Table shows them. */
export function columnDefinitions(columns: Column[]): object[] {
  return columns.map(({ name, type, format = '', description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
}

/** The columns that a version of a resource prints. */
export function columnsOf(entry: ResourceEntry, version: string): Column[] {
  return entry.versions.find((served) => served.version === version)?.columns ?? entry.columns;
}

/**
 * A meta.k8s.io/v1 Table of objects (KEP-555, server-side printing). `withColumns` is false for the later events of a
 * watch, whose client knows the columns already.
 */
export function toTable(
  columns: Column[],
  objects: KubeObject[],
  metadata: ListMeta,
  includeObject: IncludeObject = 'Metadata',
  withColumns = true,
): object {
  return {
    kind: 'Table',
    apiVersion: tableVersion,
    metadata,
    columnDefinitions: withColumns ? columnDefinitions(columns) : null,
    rows: objects.map((object) => tableRow(columns, object, includeObject)),
  };
}

function tableRow(columns: Column[], object: KubeObject, includeObject: IncludeObject): object {
  const row = { cells: columns.map((column) => column.cell(object) ?? null) };
  switch (includeObject) {
    case 'None':
      return row;
    case 'Object':
      return { ...row, object };
    case 'Metadata':
      return { ...row, object: toPartialObjectMetadata(object, 'v1') };
  }
}

/** The object's metadata alone, as meta.k8s.io PartialObjectMetadata. */
export function toPartialObjectMetadata(object: KubeObject, version: 'v1' | 'v1beta1'): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

export function toPartialObjectMetadataList(
  objects: KubeObject[],
  metadata: ListMeta,
  version: 'v1' | 'v1beta1',
): object {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    items: objects.map((object) => toPartialObjectMetadata(object, version)),
  };
}
