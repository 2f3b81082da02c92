import type { Schema } from '@kubelab/apimachinery';
import { ProtobufWriter } from './protobuf-writer.js';
import type { OpenApiV2, OperationV2, ParameterV2, PathItemV2, SchemaV2 } from './v2.js';

/**
 * Content type of the encoded document. Clients ask for it with `v2@v1.0+protobuf`, too, but that is no valid media
 * type: client-go refuses it in an answer.
 */
export const GNOSTIC_CONTENT_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/**
 * A value as gnostic's Any carries it: YAML text. JSON is YAML, but old clients read extensions with a YAML parser
 * that wants block style for nothing; flow style is fine.
 */
const yaml = (value: unknown): string => `${JSON.stringify(value)}\n`;

function extensions(w: ProtobufWriter, field: number, holder: object): void {
  for (const [name, value] of Object.entries(holder)) {
    if (!name.startsWith('x-') || value === undefined) continue;
    w.message(field, () => {
      w.string(1, name);
      w.message(2, () => w.string(2, yaml(value)));
    });
  }
}

const any = (w: ProtobufWriter, field: number, value: unknown): void => {
  if (value !== undefined) w.message(field, () => w.string(2, yaml(value)));
};

function namedSchemas(w: ProtobufWriter, field: number, schemas: Record<string, SchemaV2>): void {
  w.message(field, () => {
    for (const [name, schema] of Object.entries(schemas)) {
      w.message(1, () => {
        w.string(1, name);
        w.message(2, () => writeSchema(w, schema as Schema));
      });
    }
  });
}

/** openapi.v2.Schema. */
function writeSchema(w: ProtobufWriter, s: Schema): void {
  w.string(1, s.$ref);
  w.string(2, s.format);
  w.string(3, s.title);
  w.string(4, s.description);
  any(w, 5, s.default);
  w.double(6, s.multipleOf);
  w.double(7, s.maximum);
  w.bool(8, s.exclusiveMaximum);
  w.double(9, s.minimum);
  w.bool(10, s.exclusiveMinimum);
  w.int(11, s.maxLength);
  w.int(12, s.minLength);
  w.string(13, s.pattern);
  w.int(14, s.maxItems);
  w.int(15, s.minItems);
  w.bool(16, s.uniqueItems);
  w.int(17, s.maxProperties);
  w.int(18, s.minProperties);
  w.strings(19, s.required);
  for (const value of s.enum ?? []) any(w, 20, value);
  const extra = s.additionalProperties;
  if (extra !== undefined) {
    w.message(21, () => {
      if (typeof extra === 'boolean') w.boolAlways(2, extra);
      else w.message(1, () => writeSchema(w, extra));
    });
  }
  if (s.type) w.message(22, () => w.strings(1, [s.type ?? '']));
  if (s.items) {
    const { items } = s;
    w.message(23, () => w.message(1, () => writeSchema(w, items)));
  }
  for (const sub of s.allOf ?? []) w.message(24, () => writeSchema(w, sub));
  if (s.properties) namedSchemas(w, 25, s.properties as Record<string, SchemaV2>);
  any(w, 30, s.example);
  extensions(w, 31, s);
}

/** openapi.v2.ParametersItem. */
function writeParameter(w: ProtobufWriter, p: ParameterV2): void {
  w.message(1, () => {
    if (p.in === 'body') {
      w.message(1, () => {
        w.string(1, p.description);
        w.string(2, p.name);
        w.string(3, p.in);
        w.bool(4, p.required);
        w.message(5, () => writeSchema(w, (p.schema ?? {}) as Schema));
      });
      return;
    }
    const isQuery = p.in === 'query';
    w.message(2, () => {
      w.message(isQuery ? 3 : 4, () => {
        w.bool(1, p.required);
        w.string(2, p.in);
        w.string(3, p.description);
        w.string(4, p.name);
        w.string(isQuery ? 6 : 5, p.type);
        w.bool(isQuery ? 20 : 19, p.uniqueItems);
      });
    });
  });
}

/** openapi.v2.Operation. */
function writeOperation(w: ProtobufWriter, o: OperationV2): void {
  w.strings(1, o.tags);
  w.string(3, o.description);
  w.string(5, o.operationId);
  w.strings(6, o.produces);
  w.strings(7, o.consumes);
  for (const p of o.parameters ?? []) w.message(8, () => writeParameter(w, p));
  w.message(9, () => {
    for (const [code, response] of Object.entries(o.responses)) {
      w.message(1, () => {
        w.string(1, code);
        w.message(2, () => {
          w.message(1, () => {
            w.string(1, response.description);
            const { schema } = response;
            if (schema) w.message(2, () => w.message(1, () => writeSchema(w, schema as Schema)));
          });
        });
      });
    }
  });
  w.strings(10, o.schemes);
  extensions(w, 13, o);
}

const METHODS = { get: 2, put: 3, post: 4, delete: 5, patch: 8 } as const;

function writePathItem(w: ProtobufWriter, item: PathItemV2): void {
  for (const [method, field] of Object.entries(METHODS)) {
    const operation = item[method as keyof typeof METHODS];
    if (operation) w.message(field, () => writeOperation(w, operation));
  }
  for (const p of item.parameters ?? []) w.message(9, () => writeParameter(w, p));
}

/** Encodes a Swagger 2.0 document as gnostic's openapi.v2.Document, which kubectl up to 1.26 and others read. */
export function encodeGnostic(document: OpenApiV2): Buffer {
  const w = new ProtobufWriter();
  w.string(1, document.swagger);
  w.message(2, () => {
    w.string(1, document.info.title);
    w.string(2, document.info.version);
  });
  w.message(8, () => {
    for (const [path, item] of Object.entries(document.paths)) {
      w.message(2, () => {
        w.string(1, path);
        w.message(2, () => writePathItem(w, item));
      });
    }
  });
  namedSchemas(w, 9, document.definitions);
  for (const requirement of document.security) {
    w.message(12, () => {
      for (const [name, scopes] of Object.entries(requirement)) {
        w.message(1, () => {
          w.string(1, name);
          w.message(2, () => w.strings(1, scopes));
        });
      }
    });
  }
  w.message(13, () => {
    for (const [name, scheme] of Object.entries(document.securityDefinitions)) {
      w.message(1, () => {
        w.string(1, name);
        // SecurityDefinitionsItem: api_key_security is its second choice.
        w.message(2, () => {
          w.message(2, () => {
            w.string(1, scheme.type);
            w.string(2, scheme.name);
            w.string(3, scheme.in);
            w.string(4, scheme.description);
          });
        });
      });
    }
  });
  return w.finish();
}
