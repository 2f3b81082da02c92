import { FieldPath, field, isDns1035Label, isDns1123Subdomain, type Schema } from '@kubelab/apimachinery';
import type { V1CustomResourceDefinition, V1CustomResourceDefinitionVersion } from '../generated/types.js';
import { validateClientConfig } from './admissionregistration.js';
import { type Errors, each, immutable, invalidAll, list, requiredEnum } from './common.js';
import { validateStructuralSchema } from './structural-schema.js';

const SPEC = FieldPath.of('spec');
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

function validateNames(crd: V1CustomResourceDefinition, errors: Errors): void {
  const names = crd.spec?.names;
  const p = SPEC.child('names');
  const label = (value: string | undefined, name: string, lower: boolean): void => {
    if (!value) errors.push(field.required(p.child(name), ''));
    else invalidAll(p.child(name), value, isDns1035Label(lower ? value.toLowerCase() : value), errors);
  };
  label(names?.plural, 'plural', false);
  label(names?.singular, 'singular', false);
  label(names?.kind, 'kind', true);
  label(names?.listKind, 'listKind', true);
  each(names?.shortNames, (s, i) => invalidAll(p.child('shortNames').index(i), s, isDns1035Label(s), errors));
  each(names?.categories, (c, i) => invalidAll(p.child('categories').index(i), c, isDns1035Label(c), errors));
  if (names?.kind && names.kind === names.listKind) {
    errors.push(field.invalid(p.child('listKind'), names.listKind, 'kind and listKind may not be the same'));
  }
}

function validateScale(v: V1CustomResourceDefinitionVersion, path: FieldPath, errors: Errors): void {
  const scale = v.subresources?.scale;
  if (!scale) return;
  const p = path.child('subresources', 'scale');
  const check = (name: 'specReplicasPath' | 'statusReplicasPath', root: string): void => {
    const value = scale[name];
    if (!value) errors.push(field.required(p.child(name), ''));
    else if (!value.startsWith(root)) {
      errors.push(field.invalid(p.child(name), value, `should be a json path under ${root}`));
    }
  };
  check('specReplicasPath', '.spec.');
  check('statusReplicasPath', '.status.');
  const selector = scale.labelSelectorPath;
  if (selector && !selector.startsWith('.status.') && !selector.startsWith('.spec.')) {
    errors.push(
      field.invalid(p.child('labelSelectorPath'), selector, 'should be a json path under either .spec or .status'),
    );
  }
}

function validateVersion(v: V1CustomResourceDefinitionVersion, path: FieldPath, errors: Errors): void {
  if (v.deprecationWarning !== undefined) {
    const p = path.child('deprecationWarning');
    if (!v.deprecated) errors.push(field.invalid(p, v.deprecationWarning, 'can only be set for deprecated versions'));
    if (v.deprecationWarning.length === 0)
      errors.push(field.invalid(p, v.deprecationWarning, 'must not be an empty string'));
  }
  const schema = v.schema?.openAPIV3Schema;
  const p = path.child('schema', 'openAPIV3Schema');
  if (!schema) errors.push(field.required(p, 'schemas are required'));
  // The generated type and apimachinery's Schema describe the same JSON.
  else validateStructuralSchema(schema as unknown as Schema, p, errors);
  each(v.additionalPrinterColumns, (c, i) => {
    const cp = path.child('additionalPrinterColumns').index(i);
    if (!c.name) errors.push(field.required(cp.child('name'), ''));
    if (!c.type) errors.push(field.required(cp.child('type'), `must be one of ${COLUMN_TYPES.join(',')}`));
    else if (!COLUMN_TYPES.includes(c.type)) {
      errors.push(field.invalid(cp.child('type'), c.type, `must be one of ${COLUMN_TYPES.join(',')}`));
    }
    if (c.format && !COLUMN_FORMATS.includes(c.format)) {
      errors.push(field.invalid(cp.child('format'), c.format, `must be one of ${COLUMN_FORMATS.join(',')}`));
    }
    const path0 = c.jsonPath ?? '';
    if (!path0) errors.push(field.required(cp.child('JSONPath'), ''));
    else if (!path0.startsWith('.'))
      errors.push(field.invalid(cp.child('JSONPath'), path0, 'illegal JSONPath: must start with .'));
  });
  validateScale(v, path, errors);
}

/** Checks a CRD: names, versions, structural schemas, columns, subresources, conversion. */
export function validateCustomResourceDefinition(crd: V1CustomResourceDefinition): Errors {
  const errors: Errors = [];
  const spec = crd.spec;
  const name = crd.metadata?.name ?? '';
  const wanted = `${spec?.names?.plural ?? ''}.${spec?.group ?? ''}`;
  if (name !== wanted) {
    errors.push(field.invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  }
  const group = SPEC.child('group');
  if (!spec?.group) errors.push(field.required(group, ''));
  else {
    invalidAll(group, spec.group, isDns1123Subdomain(spec.group), errors);
    if (spec.group.split('.').length < 2)
      errors.push(field.invalid(group, spec.group, 'should be a domain with at least one dot'));
  }
  if (
    (spec?.group?.endsWith('.k8s.io') || spec?.group?.endsWith('.kubernetes.io')) &&
    !crd.metadata?.annotations?.['api-approved.kubernetes.io']
  ) {
    errors.push(
      field.required(
        FieldPath.of('metadata', 'annotations').key('api-approved.kubernetes.io'),
        'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ),
    );
  }
  requiredEnum(spec?.scope, ['Cluster', 'Namespaced'], SPEC.child('scope'), errors);
  const versions = SPEC.child('versions');
  const seen = new Set<string>();
  let stored = 0;
  each(spec?.versions, (v, i) => {
    const p = versions.index(i);
    if (seen.has(v.name)) errors.push(field.invalid(p, v.name, 'must contain unique version names'));
    seen.add(v.name);
    invalidAll(p.child('name'), v.name ?? '', isDns1035Label(v.name ?? ''), errors);
    if (v.storage) stored++;
    validateVersion(v, p, errors);
  });
  if (list(spec?.versions).length === 0) errors.push(field.required(versions, 'must have at least one version'));
  if (stored !== 1) {
    errors.push(
      field.invalid(
        versions,
        list(spec?.versions).map((v) => v.name),
        'must have exactly one version marked as storage version',
      ),
    );
  }
  validateNames(crd, errors);
  validateConversion(crd, errors);
  return errors;
}

function validateConversion(crd: V1CustomResourceDefinition, errors: Errors): void {
  const conversion = crd.spec?.conversion;
  const p = SPEC.child('conversion');
  if (!conversion) return;
  requiredEnum(conversion.strategy, ['None', 'Webhook'], p.child('strategy'), errors);
  if (conversion.strategy === 'Webhook') {
    const wp = p.child('webhook');
    if (!conversion.webhook?.clientConfig) {
      errors.push(field.required(p.child('webhookClientConfig'), 'required when strategy is set to Webhook'));
    } else validateClientConfig(conversion.webhook.clientConfig, wp.child('clientConfig'), errors);
    const versions = list(conversion.webhook?.conversionReviewVersions);
    const vp = p.child('conversionReviewVersions');
    if (versions.length === 0) errors.push(field.required(vp, ''));
    else if (!versions.some((v) => v === 'v1' || v === 'v1beta1')) {
      errors.push(field.invalid(vp, versions, 'must include at least one of v1, v1beta1'));
    }
    if (crd.spec?.preserveUnknownFields) {
      errors.push(
        field.invalid(p.child('strategy'), conversion.strategy, 'must be None if spec.preserveUnknownFields is true'),
      );
    }
  } else if (conversion.webhook) {
    errors.push(field.forbidden(p.child('webhook'), 'should not be set when strategy is not set to Webhook'));
  }
}

/** Checks an update of a CRD: once established, its scope and kind stay; stored versions can't go. */
export function validateCustomResourceDefinitionUpdate(
  crd: V1CustomResourceDefinition,
  old: V1CustomResourceDefinition,
): Errors {
  const errors = validateCustomResourceDefinition(crd);
  const established = list(old.status?.conditions).some((c) => c.type === 'Established' && c.status === 'True');
  if (established) {
    immutable(crd.spec?.scope, old.spec?.scope, SPEC.child('scope'), errors);
    immutable(crd.spec?.names?.kind, old.spec?.names?.kind, SPEC.child('names', 'kind'), errors);
  }
  immutable(crd.spec?.group, old.spec?.group, SPEC.child('group'), errors);
  immutable(crd.spec?.names?.plural, old.spec?.names?.plural, SPEC.child('names', 'plural'), errors);
  each(old.status?.storedVersions, (v, i) => {
    if (!list(crd.spec?.versions).some((x) => x.name === v)) {
      errors.push(field.invalid(FieldPath.of('status', 'storedVersions').index(i), v, 'must appear in spec.versions'));
    }
  });
  return errors;
}
