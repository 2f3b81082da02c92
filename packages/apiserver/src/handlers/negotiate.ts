import { newNotAcceptable } from '@kubelab/apimachinery';

/** How an answer is to look. */
export interface Representation {
  format: 'json' | 'yaml';
  /** Objects themselves, or rows and metadata made from them. */
  as: 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  /** Of meta.k8s.io, for the latter. */
  metaVersion: 'v1' | 'v1beta1';
}

/** One clause of an Accept header. */
export interface Accepted {
  type: string;
  params: Map<string, string>;
  q: number;
  order: number;
}

const plain: Representation = { format: 'json', as: 'object', metaVersion: 'v1' };

const supported = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

const parsed = new Map<string, Accepted[]>();

/** The clauses of an Accept header, the most wanted first. Headers are few and repeat, so the answer is kept. */
export function clausesOf(header: string): Accepted[] {
  let clauses = parsed.get(header);
  if (!clauses) {
    clauses = header
      .split(',')
      .map((text, order) => {
        const [type = '', ...rest] = text.split(';').map((part) => part.trim());
        const params = new Map(rest.map((part) => part.split('=', 2) as [string, string]));
        return { type: type.toLowerCase(), params, q: Number(params.get('q') ?? 1), order };
      })
      .sort((a, b) => b.q - a.q || a.order - b.order);
    if (parsed.size > 1000) {
      parsed.clear();
    }
    parsed.set(header, clauses);
  }
  return clauses;
}

/**
 * Chooses the representation by the Accept header (KEP-555 for Table and PartialObjectMetadata).
 * @param watch a stream cannot be YAML
 * @param transforms whether there are rows and metadata to make: what is never stored has none
 * @throws StatusError NotAcceptable
 */
export function negotiate(accept: string | undefined, watch = false, transforms = true): Representation {
  if (!accept || accept === '*/*' || accept === 'application/json') {
    return plain;
  }
  for (const clause of clausesOf(accept)) {
    const format = formatOf(clause.type, watch);
    if (!format) {
      continue;
    }
    const as = clause.params.get('as');
    if (!as) {
      return format === 'json' ? plain : { ...plain, format };
    }
    const version = clause.params.get('v');
    if (!transforms) {
      continue;
    }
    if (clause.params.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) {
      continue;
    }
    if (as === 'Table' || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') {
      return { format, as, metaVersion: version };
    }
  }
  throw newNotAcceptable(supported.slice(0, 2));
}

function formatOf(type: string, watch: boolean): Representation['format'] | undefined {
  switch (type) {
    case 'application/json':
    case 'application/*':
    case '*/*':
      return 'json';
    case 'application/yaml':
      return watch ? undefined : 'yaml';
    default:
      return undefined;
  }
}
