import { newNotAcceptable } from '@kubelab/apimachinery';

/** How an answer is to look. */
export interface Representation {
  format: 'json' | 'yaml' | 'protobuf';
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

/** JSON of the objects themselves. */
export const plain: Representation = { format: 'json', as: 'object', metaVersion: 'v1' };

export const protobufType = 'application/vnd.kubernetes.protobuf';

/** What a resource can be shown as. */
export interface Offer {
  /** A stream cannot be YAML. */
  watch?: boolean;
  /** Whether there are rows and metadata to make: what is never stored has none. */
  transforms?: boolean;
  /** Whether objects have a protobuf form; metadata always have one, rows never. */
  protobuf?: boolean;
}

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

/** What nearly all clients ask for: nothing has to be looked at to know the answer. */
export function isPlain(accept: string | undefined): boolean {
  return !accept || accept === '*/*' || accept === 'application/json';
}

/**
 * Chooses the representation by the Accept header (KEP-555 for Table and PartialObjectMetadata).
 * @throws StatusError NotAcceptable
 */
export function negotiate(accept: string | undefined, offer: Offer = {}): Representation {
  if (isPlain(accept)) {
    return plain;
  }
  for (const clause of clausesOf(accept ?? '')) {
    const format = formatOf(clause.type, offer.watch === true);
    const representation = format && shapeOf(clause, format, offer);
    if (representation) {
      return representation;
    }
  }
  throw newNotAcceptable(offered(offer));
}

function shapeOf({ params }: Accepted, format: Representation['format'], offer: Offer): Representation | undefined {
  const as = params.get('as');
  if (!as) {
    if (format === 'protobuf' && !offer.protobuf) {
      return undefined;
    }
    return format === 'json' ? plain : { ...plain, format };
  }
  const version = params.get('v');
  if (offer.transforms === false || params.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) {
    return undefined;
  }
  const isRows = as === 'Table' && format !== 'protobuf';
  if (isRows || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') {
    return { format, as, metaVersion: version };
  }
  return undefined;
}

function offered({ watch, protobuf }: Offer): string[] {
  if (watch) {
    return ['application/json;stream=watch', ...(protobuf ? [`${protobufType};stream=watch`] : [])];
  }
  return ['application/json', 'application/yaml', ...(protobuf ? [protobufType] : [])];
}

/** How an error is told: as the client reads it, or as JSON where it reads nothing that we write. */
export function errorFormat(accept: string | undefined): Representation['format'] {
  const first = accept ? clausesOf(accept).find(({ type }) => formatOf(type, false)) : undefined;
  return (first && formatOf(first.type, false)) ?? 'json';
}

function formatOf(type: string, watch: boolean): Representation['format'] | undefined {
  switch (type) {
    case 'application/json':
    case 'application/*':
    case '*/*':
      return 'json';
    case 'application/yaml':
      return watch ? undefined : 'yaml';
    case protobufType:
      return 'protobuf';
    default:
      return undefined;
  }
}
