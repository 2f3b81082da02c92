import { parseDuration } from '@kubelab/apimachinery';
import { magic, messageOf } from './media-type.js';
import { ProtobufError } from './wire-reader.js';
import { type WireField, wireMessage } from './wire-table.js';
import { WireWriter } from './wire-writer.js';

type Json = Record<string, unknown>;

const schemaProps = 'apiextensions.v1.JSONSchemaProps';

/** Writes a value's content, without a head; the last field first. */
type Encode = (writer: WireWriter, value: unknown) => void;

interface EncodeField {
  number: number;
  field: WireField;
  wireType: 0 | 1 | 2;
  encode: Encode;
}

/** One writer serves all: encoding is never interrupted. */
const writer = new WireWriter();

/** Whether objects of the kind have a protobuf form. */
export function hasProtobuf(apiVersion: string, kind: string): boolean {
  return messageOf(apiVersion, kind) !== undefined;
}

/**
 * Encodes an object as a body of the media type application/vnd.kubernetes.protobuf: the magic number and a
 * runtime.Unknown around the kind's own message.
 * @throws ProtobufError when its kind has none
 */
export function encodeProtobuf(object: object): Buffer {
  return written(() => writeObject(object as Json));
}

/**
 * Encodes an event of a watch: a metav1.WatchEvent behind its length, in four bytes, the highest first
 * (runtime/serializer/framer).
 */
export function encodeProtobufEvent(type: string, object: object): Buffer {
  return written(() => {
    const event = writer.mark();
    const extension = writer.mark();
    const raw = writer.mark();
    writeObject(object as Json);
    writer.head(1, raw);
    writer.head(2, extension);
    writeText(1, type);
    const size = Buffer.allocUnsafe(4);
    size.writeUInt32BE(writer.mark() - event);
    writer.raw(size);
  });
}

function written(write: () => void): Buffer {
  try {
    write();
    return writer.take();
  } catch (error) {
    writer.reset();
    throw error;
  }
}

function writeObject(object: Json): void {
  const { apiVersion = '', kind = '' } = object as { apiVersion?: string; kind?: string };
  const type = messageOf(apiVersion, kind);
  if (!type) {
    throw new ProtobufError(
      `object of kind ${JSON.stringify(kind)} in ${JSON.stringify(apiVersion)} has no protobuf form`,
    );
  }
  const raw = writer.mark();
  encoderOf(type)(writer, object);
  writer.head(2, raw);
  const typeMeta = writer.mark();
  writeText(2, kind);
  writeText(1, apiVersion);
  writer.head(1, typeMeta);
  writer.raw(magic);
}

function writeText(field: number, text: string): void {
  const at = writer.mark();
  writer.text(text);
  writer.head(field, at);
}

const encoders = new Map<string, Encode>();

/** The encoder of a type. Messages contain themselves, so it is found by name when it is needed. */
function encoderOf(type: string): Encode {
  let encode = encoders.get(type);
  if (!encode) {
    encode = scalars[type] ?? special[type] ?? messageEncoder(type);
    encoders.set(type, encode);
  }
  return encode;
}

const scalars: Record<string, Encode> = {
  string: (w, value) => w.text(String(value)),
  bytes: (w, value) => w.raw(Buffer.from(String(value), 'base64')),
  bool: (w, value) => w.bool(value === true),
  int32: (w, value) => w.varint(Number(value)),
  int64: (w, value) => w.varint(Number(value)),
  double: (w, value) => w.double(Number(value)),
};

const wireTypeOf = (type: string): 0 | 1 | 2 => {
  if (type === 'double') return 1;
  return type === 'bool' || type === 'int32' || type === 'int64' ? 0 : 2;
};

/** Messages whose JSON is not an object of their fields. */
const special: Record<string, Encode> = {
  'quantity.Quantity': (_, value) => writeText(1, String(value)),
  'meta.Time': (w, value) => writeTime(w, String(value)),
  'meta.MicroTime': (w, value) => writeTime(w, String(value)),
  'meta.Duration': (w, value) => writeInt(w, 1, Math.round(parseDuration(String(value)) * 1e6)),
  'meta.FieldsV1': (_, value) => writeText(1, JSON.stringify(value)),
  'runtime.RawExtension': (_, value) => writeText(1, JSON.stringify(value)),
  'intstr.IntOrString': (w, value) => {
    if (typeof value === 'string') {
      writeText(3, value);
      writeInt(w, 1, 1);
    } else {
      writeInt(w, 2, Number(value));
    }
  },
  // Schemas of custom resources: values of any type, and fields that are one thing or another.
  'apiextensions.v1.JSON': (_, value) => writeText(1, JSON.stringify(value)),
  'apiextensions.v1.JSONSchemaPropsOrArray': (w, value) => {
    if (Array.isArray(value)) writeMembers(w, 2, schemaProps, value);
    else writeMembers(w, 1, schemaProps, [value]);
  },
  'apiextensions.v1.JSONSchemaPropsOrBool': (w, value) => {
    if (typeof value !== 'boolean') writeMembers(w, 2, schemaProps, [value]);
    writeInt(w, 1, value === false ? 0 : 1);
  },
  'apiextensions.v1.JSONSchemaPropsOrStringArray': (w, value) => {
    if (Array.isArray(value)) writeMembers(w, 2, 'string', value);
    else writeMembers(w, 1, schemaProps, [value]);
  },
};

function writeMembers(w: WireWriter, field: number, type: string, values: unknown[]): void {
  for (const value of values.toReversed()) {
    writeValue(w, field, 2, encoderOf(type), value);
  }
}

function writeInt(w: WireWriter, field: number, value: number): void {
  w.varint(value);
  w.tag(field, 0);
}

function writeTime(w: WireWriter, text: string): void {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new ProtobufError(`${JSON.stringify(text)} is not a time`);
  }
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? '';
  const nanos = Number(fraction.padEnd(9, '0'));
  if (nanos > 0) {
    writeInt(w, 2, nanos);
  }
  writeInt(w, 1, Math.floor(ms / 1000));
}

function messageEncoder(type: string): Encode {
  const message = wireMessage(type);
  if (!message) {
    throw new ProtobufError(`proto: message ${type} is not known`);
  }
  const fields = [...message].sort(([a], [b]) => b - a).map(([number, field]) => fieldEncoder(number, field));
  // Named list types (authentication's ExtraValue, metav1 Verbs) are arrays in JSON.
  const isList = /\.(ExtraValue|Verbs)$/.test(type);
  return (w, value) => {
    const object = isList ? { items: value } : value;
    if (typeof object === 'object' && object !== null) {
      for (const { number, field, wireType, encode } of fields) {
        writeField(w, object as Json, number, field, wireType, encode);
      }
    }
  };
}

function fieldEncoder(number: number, field: WireField): EncodeField {
  const { type } = field;
  const encode: Encode = (w, value) => encoderOf(type)(w, value);
  return { number, field, wireType: wireTypeOf(type), encode: scalars[type] ?? special[type] ?? encode };
}

function writeField(
  w: WireWriter,
  object: Json,
  number: number,
  field: WireField,
  wireType: 0 | 1 | 2,
  encode: Encode,
): void {
  // An embedded message's fields stand in the object itself.
  const value = field.inline ? object : object[field.name];
  if (value === undefined || value === null) {
    return;
  }
  if (field.label === 'single') {
    writeValue(w, number, wireType, encode, value);
  } else if (field.label === 'repeated') {
    const list = value as unknown[];
    for (let i = list.length - 1; i >= 0; i--) {
      writeValue(w, number, wireType, encode, list[i] ?? zeroOf(field.type));
    }
  } else {
    const map = value as Json;
    for (const key of Object.keys(map).sort().reverse()) {
      const entry = w.mark();
      writeValue(w, 2, wireType, encode, map[key] ?? zeroOf(field.type));
      writeText(1, key);
      w.head(number, entry);
    }
  }
}

function writeValue(w: WireWriter, number: number, wireType: 0 | 1 | 2, encode: Encode, value: unknown): void {
  const at = w.mark();
  encode(w, value);
  if (wireType === 2) {
    w.head(number, at);
  } else {
    w.tag(number, wireType);
  }
}

/** What stands in a list or map for null, as Go reads it. */
function zeroOf(type: string): unknown {
  if (type === 'quantity.Quantity') {
    return '0';
  }
  return type in scalars ? (type === 'string' || type === 'bytes' ? '' : type === 'bool' ? false : 0) : {};
}
