import { type ResourceVersion, resolveSchema } from '@kubelab/api';
import {
  type DecodeResult,
  decodeStrict,
  formatGroupVersion,
  type KubeObject,
  newBadRequest,
  newInternalError,
  parseGroupVersion,
  StatusError,
  strictErrors,
} from '@kubelab/apimachinery';
import { decodeCustomResource } from '../apiextensions/index.js';
import { prepareStored } from '../registry/prepared-conversion.js';
import { groupVersionText, toStored } from '../registry/versioning.js';
import { JsonError, parseBody, readBody, textOf } from './body.js';
import type { RequestContext } from './context.js';
import { yamlProblems } from './yaml-body.js';

/** What the body of a request must be, where it is not the resource's own kind (Scale, Eviction, TokenRequest). */
export interface ExpectedKind {
  group: string;
  version: string;
  kind: string;
}

/** Parses the body of a request for an object of this kind. @throws StatusError BadRequest, UnsupportedMediaType */
export async function readObject(ctx: RequestContext, expected?: ExpectedKind): Promise<KubeObject> {
  const body = await readBody(ctx.req);
  let raw: unknown;
  try {
    raw = parseBody(ctx.req, body);
  } catch (error) {
    if (error instanceof JsonError) {
      throw newBadRequest(
        `the object provided is unrecognized (must be of type ${(expected ?? ctx.entry).kind}): ${error.message} (${summary(body)})`,
      );
    }
    throw error;
  }
  return decodeObject(ctx, raw, expected);
}

/** The begin of a body, for errors (summarizeData of k8s.io/apiserver). */
function summary(body: Buffer): string {
  const most = 30;
  if (body.length === 0) {
    return '<empty>';
  }
  const form = body[0] === 0x7b ? 'utf8' : 'hex';
  return body.toString(form, 0, most) + (body.length > most ? ' ...' : '');
}

/** An object with a value of the wrong type. As it stands it is a BadRequest; patches may tell it in other words. */
export class TypeMismatch extends StatusError {
  /** @param problem in the words of Go's JSON decoder */
  constructor(
    { kind, version }: ExpectedKind,
    readonly problem: string,
  ) {
    const message = `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${problem}`;
    super({ code: 400, reason: 'BadRequest', message });
  }
}

type Validation = 'Strict' | 'Warn' | 'Ignore';

/** @throws StatusError BadRequest for a value that Kubernetes does not know */
export function fieldValidationOf(query: URLSearchParams): Validation {
  const value = query.get('fieldValidation') || 'Warn';
  if (value !== 'Strict' && value !== 'Warn' && value !== 'Ignore') {
    throw newBadRequest(
      `Invalid value: ${JSON.stringify(value)}: fieldValidation must be one of: Ignore, Strict, Warn`,
    );
  }
  return value;
}

export interface DecodeOptions {
  /** A configuration to apply: nobody can own a field that is not in the schema, so that is always an error. */
  applied?: boolean;
  /** Members that are twice in the text the object was made from. */
  duplicates?: string[];
}

/**
 * Makes an object of the client's version from a parsed body: kind and version are checked, or filled in; types are
 * checked against the schema; unknown fields are dropped, with a warning or an error as fieldValidation says
 * (KEP-2885). @throws StatusError BadRequest
 */
export function decodeObject(
  ctx: RequestContext,
  raw: unknown,
  expected?: ExpectedKind,
  o: DecodeOptions = {},
): KubeObject {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    const what = raw === null ? 'null' : Array.isArray(raw) ? 'array' : typeof raw;
    throw newBadRequest(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${what} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  }
  const wanted = expected ?? { group: ctx.entry.group, version: ctx.served.version, kind: ctx.entry.kind };
  const object = raw as KubeObject;
  checkKind(object, wanted);
  object.kind = wanted.kind;
  object.apiVersion = groupVersionText(wanted.group, wanted.version);
  if (object.metadata === undefined || object.metadata === null) {
    object.metadata = {};
  }
  checkSchema(ctx, object, wanted, expected === undefined, o);
  return object;
}

function checkKind(object: KubeObject, wanted: ExpectedKind): void {
  const { kind, apiVersion } = object;
  if (kind !== undefined && typeof kind !== 'string') {
    throw newBadRequest(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${typeof kind} into Go struct field .kind of type string`,
    );
  }
  if (apiVersion !== undefined && typeof apiVersion !== 'string') {
    throw newBadRequest(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${typeof apiVersion} into Go struct field .apiVersion of type string`,
    );
  }
  if (kind && kind !== wanted.kind) {
    const version = parseGroupVersion(apiVersion || groupVersionText(wanted.group, wanted.version)).version;
    throw newBadRequest(
      `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${wanted.kind}: converting (${version}.${kind}) to (${wanted.group || 'core'}.${wanted.kind}): unknown conversion`,
    );
  }
  if (apiVersion) {
    const given = parseGroupVersion(apiVersion);
    if (given.group !== wanted.group || given.version !== wanted.version) {
      throw newBadRequest(
        `the API version in the data (${formatGroupVersion(given)}) does not match the expected API version (${groupVersionText(wanted.group, wanted.version)})`,
      );
    }
  }
}

function checkSchema(
  ctx: RequestContext,
  object: KubeObject,
  wanted: ExpectedKind,
  own: boolean,
  o: DecodeOptions,
): void {
  if (!own) {
    return;
  }
  const { unknownFields, typeErrors } = normalize(ctx.served, object, o.applied);
  if (typeErrors.length > 0) {
    throw new TypeMismatch(wanted, typeErrors[0] as string);
  }
  if (o.applied && unknownFields.length > 0) {
    throw newBadRequest(undeclared(ctx, object, unknownFields));
  }
  const validation = fieldValidationOf(ctx.info.query);
  if (validation === 'Ignore') {
    return;
  }
  const problems = [...(o.duplicates ?? []), ...strictProblems(object, unknownFields, o)];
  if (problems.length === 0) {
    return;
  }
  if (validation === 'Strict') {
    throw newBadRequest(
      `${wanted.kind} in version ${JSON.stringify(wanted.version)} cannot be handled as a ${wanted.kind}: strict decoding error: ${problems.join(', ')}`,
    );
  }
  if (validation === 'Warn') {
    for (const problem of problems) {
      ctx.warn(problem);
    }
  }
}

/** @param isApplied a configuration to apply, whose manager owns empty fields too: they stay */
function normalize(served: ResourceVersion, object: KubeObject, isApplied = false): DecodeResult {
  if (served.schema) {
    return decodeCustomResource(object, served.schema, { keepEmpty: isApplied });
  }
  const schema = resolveSchema(served.schemaName);
  return schema
    ? decodeStrict(object, schema, resolveSchema, { normalize: true, keepEmpty: isApplied })
    : { unknownFields: [], typeErrors: [] };
}

/** What an apply made in a version, as it would be if a client had sent it. Changes the object, and returns it. */
export function decodeMerged(served: ResourceVersion, object: KubeObject): KubeObject {
  const [problem] = normalize(served, object).typeErrors;
  if (problem) {
    throw newInternalError(new Error(problem));
  }
  return object;
}

function strictProblems(object: KubeObject, unknownFields: string[], o: DecodeOptions): string[] {
  const text = textOf(object);
  if (text !== undefined) return strictErrors(text, unknownFields);
  const twice = o.applied ? [] : yamlProblems(object);
  return twice.length > 0 ? [`yaml: unmarshal errors:\n  ${twice.join('\n  ')}`, ...unknownFields] : unknownFields;
}

/** How an apply says that fields are in no schema (structured-merge-diff). */
function undeclared({ info }: RequestContext, { apiVersion, kind }: KubeObject, unknownFields: string[]): string {
  const lines = unknownFields.map((field) => {
    const path = /^unknown field "(.*)"$/.exec(field)?.[1] ?? field;
    return `.${path}: field not declared in schema`;
  });
  const errors = lines.length === 1 ? lines[0] : `errors:\n  ${lines.join('\n  ')}`;
  return `failed to create typed patch object (${info.namespace}/${info.name}; ${apiVersion}, Kind=${kind}): ${errors}`;
}

/** The name and namespace of the body and of the URL must agree; what the body leaves out is filled in. */
export function checkNames(ctx: RequestContext, object: KubeObject, withName: boolean): void {
  const { info, entry } = ctx;
  const { metadata } = object;
  if (entry.namespaced) {
    if (metadata.namespace && metadata.namespace !== info.namespace) {
      throw newBadRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    metadata.namespace = info.namespace;
  } else if (entry.resource !== 'namespaces' || entry.group !== '') {
    if (metadata.namespace === '') {
      delete metadata.namespace;
    }
  }
  if (!withName) {
    return;
  }
  if (!metadata.name) {
    metadata.name = info.name;
  } else if (metadata.name !== info.name) {
    throw newBadRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${info.name})`);
  }
}

/**
 * Defaults and converts an object of the client into the stored version; at once, unless a webhook converts.
 * @throws StatusError InternalError when the webhook fails
 */
export function toStorage(ctx: RequestContext, object: KubeObject): KubeObject | Promise<KubeObject> {
  const { entry, served } = ctx;
  entry.defaults?.(object, served.version);
  return served.convert
    ? prepareStored(served, object).then(() => toStored(entry, served, object))
    : toStored(entry, served, object);
}
