import { formatDuration, type KubeObject } from '@kubelab/apimachinery';
import { magic, messageOf } from './media-type.js';
import { ProtobufError, WireReader } from './wire-reader.js';
import { type WireField, wireMessage } from './wire-table.js';

const maxDepth = 100;

type Json = Record<string, unknown>;

/**
 * Decodes a body of the media type application/vnd.kubernetes.protobuf into the object's JSON form.
 * @throws ProtobufError when it is not one, or its kind is not known
 */
export function decodeProtobuf(body: Buffer): KubeObject {
  if (!body.subarray(0, 4).equals(magic)) {
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  const unknown = decodeMessage('runtime.Unknown', body.subarray(4), 0);
  const { apiVersion = '', kind = '' } = unknown as { apiVersion?: string; kind?: string };
  const type = messageOf(apiVersion, kind);
  if (!type) {
    throw new ProtobufError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  }
  const raw = Buffer.from(String(unknown.raw ?? ''), 'base64');
  return { kind, apiVersion, metadata: {}, ...decodeMessage(type, raw, 0) } as KubeObject;
}

/** Messages whose JSON is not an object of their fields. */
const special: Record<string, (fields: Json) => unknown> = {
  'quantity.Quantity': (fields) => fields.string ?? '0',
  'meta.Time': (fields) => timeText(fields, 0),
  'meta.MicroTime': (fields) => timeText(fields, 6),
  'meta.Duration': (fields) => formatDuration(Number(fields.duration ?? 0) / 1e6),
  'meta.FieldsV1': (fields) => parseRaw(fields.Raw),
  'runtime.RawExtension': (fields) => parseRaw(fields.raw),
  'apiextensions.v1.JSON': (fields) => parseRaw(fields.raw),
  'apiextensions.v1.JSONSchemaPropsOrArray': (fields) => fields.jSONSchemas ?? fields.schema ?? null,
  'apiextensions.v1.JSONSchemaPropsOrBool': (fields) => fields.schema ?? fields.allows ?? false,
  'apiextensions.v1.JSONSchemaPropsOrStringArray': (fields) => fields.property ?? fields.schema ?? null,
  'intstr.IntOrString': (fields) => (fields.type ? (fields.strVal ?? '') : (fields.intVal ?? 0)),
};

function timeText(fields: Json, digits: 0 | 6): string | null {
  if (fields.seconds === undefined && fields.nanos === undefined) {
    return null;
  }
  const date = new Date(Number(fields.seconds ?? 0) * 1000);
  if (Number.isNaN(date.getTime())) {
    throw new ProtobufError('a time is out of range');
  }
  const text = date.toISOString().slice(0, 19);
  const micros = String(Math.floor(Number(fields.nanos ?? 0) / 1000)).padStart(6, '0');
  return digits === 0 ? `${text}Z` : `${text}.${micros}Z`;
}

function parseRaw(raw: unknown): unknown {
  if (!raw) {
    return null;
  }
  try {
    return JSON.parse(Buffer.from(String(raw), 'base64').toString('utf8'));
  } catch {
    throw new ProtobufError('a raw extension is not JSON');
  }
}

function decodeMessage(type: string, bytes: Buffer, depth: number): Json {
  const fields = wireMessage(type);
  if (!fields) {
    throw new ProtobufError(`proto: message ${type} is not known`);
  }
  if (depth > maxDepth) {
    throw new ProtobufError('proto: the message is nested too deeply');
  }
  const result: Json = {};
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const { field: number, wireType } = reader.tag();
    const field = fields.get(number);
    if (!field) {
      reader.skip(wireType);
      continue;
    }
    decodeField(result, field, reader, wireType, depth);
  }
  return result;
}

function decodeField(result: Json, field: WireField, reader: WireReader, wireType: number, depth: number): void {
  if (field.label === 'map') {
    const [key, value] = decodeMapEntry(field.type, reader.chunk(), depth);
    result[field.name] = { ...(result[field.name] as Json | undefined), [key]: value };
    return;
  }
  if (field.label === 'repeated') {
    const list = (result[field.name] as unknown[] | undefined) ?? [];
    result[field.name] = list;
    if (wireType === 2 && isNumber(field.type)) {
      const packed = new WireReader(reader.chunk());
      while (!packed.done) {
        list.push(decodeValue(field.type, packed, depth));
      }
    } else {
      list.push(decodeValue(field.type, reader, depth));
    }
    return;
  }
  const value = decodeValue(field.type, reader, depth);
  if (field.inline && typeof value === 'object' && value !== null) {
    Object.assign(result, value);
  } else if (field.keepZero || !isZero(value)) {
    result[field.name] = value;
  }
}

function decodeMapEntry(type: string, bytes: Buffer, depth: number): [string, unknown] {
  const reader = new WireReader(bytes);
  let key = '';
  let value: unknown;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (field === 1) {
      key = reader.chunk().toString('utf8');
    } else if (field === 2) {
      value = decodeValue(type, reader, depth);
    } else {
      reader.skip(wireType);
    }
  }
  return [key, value ?? emptyOf(type)];
}

function decodeValue(type: string, reader: WireReader, depth: number): unknown {
  switch (type) {
    case 'string':
      return reader.chunk().toString('utf8');
    case 'bytes':
      return reader.chunk().toString('base64');
    case 'bool':
      return reader.varint() !== 0n;
    case 'int32':
    case 'int64':
      return reader.int();
    case 'double':
      return reader.double();
    default: {
      const fields = decodeMessage(type, reader.chunk(), depth + 1);
      const convert = special[type];
      if (convert) {
        return convert(fields);
      }
      // Named list types (authentication's ExtraValue, metav1 Verbs) are messages on the wire and arrays in JSON.
      return /\.(ExtraValue|Verbs)$/.test(type) ? (fields.items ?? []) : fields;
    }
  }
}

const isNumber = (type: string): boolean =>
  type === 'int32' || type === 'int64' || type === 'bool' || type === 'double';

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false || value === null;
}

function emptyOf(type: string): unknown {
  if (type === 'string' || type === 'bytes') {
    return '';
  }
  return isNumber(type) ? 0 : (special[type]?.({}) ?? {});
}
