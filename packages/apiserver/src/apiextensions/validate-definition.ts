import { validateClientConfig } from '@kubelab/api';
import {
  compileJsonPath,
  type FieldError,
  FieldPath,
  field,
  isDns1035Label,
  isDns1123Subdomain,
  type Schema,
  validateRuleSyntax,
  validateSchema,
} from '@kubelab/apimachinery';
import type { CrdNames, CrdVersion, CustomResourceDefinition } from './definition.js';
import { isEstablished } from './definition.js';
import { validateStructural } from './validate-structural.js';

const spec = FieldPath.of('spec');
const columnTypes = ['integer', 'number', 'string', 'boolean', 'date'];

function validateNames(names: Partial<CrdNames>, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  const check = (name: string, value: string | undefined, lower: boolean) => {
    if (!value) return;
    for (const m of isDns1035Label(lower ? value : value.toLowerCase()))
      out.push(field.invalid(path.child(name), value, m));
  };
  check('plural', names.plural, true);
  check('singular', names.singular, true);
  check('kind', names.kind, false);
  check('listKind', names.listKind, false);
  (names.shortNames ?? []).forEach((s, i) => {
    for (const m of isDns1035Label(s)) out.push(field.invalid(path.child('shortNames').index(i), s, m));
  });
  (names.categories ?? []).forEach((s, i) => {
    for (const m of isDns1035Label(s)) out.push(field.invalid(path.child('categories').index(i), s, m));
  });
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!names[name]) out.push(field.required(path.child(name), ''));
  }
  if (names.kind && names.kind === names.listKind) {
    out.push(field.invalid(path.child('listKind'), names.listKind, 'kind and listKind may not be the same'));
  }
  return out;
}

function validateVersion(v: CrdVersion, path: FieldPath): FieldError[] {
  const out: FieldError[] = isDns1035Label(v.name ?? '').map((m) => field.invalid(path.child('name'), v.name ?? '', m));
  const schema = v.schema?.openAPIV3Schema;
  const at = path.child('schema', 'openAPIV3Schema');
  if (!schema) out.push(field.required(at, 'schemas are required'));
  else {
    out.push(...validateStructural(schema, at));
    out.push(...validateRuleSyntax(schema, at));
    if (out.length === 0) out.push(...validateDefaults(schema, at));
  }
  (v.additionalPrinterColumns ?? []).forEach((c, i) => {
    const p = path.child('additionalPrinterColumns').index(i);
    if (!c.name) out.push(field.required(p.child('name'), ''));
    if (!c.type) out.push(field.required(p.child('type'), `must be one of ${columnTypes.join(',')}`));
    else if (!columnTypes.includes(c.type))
      out.push(field.invalid(p.child('type'), c.type, `must be one of ${columnTypes.join(',')}`));
    if (!c.jsonPath) out.push(field.required(p.child('jsonPath'), ''));
    else out.push(...pathErrors(c.jsonPath, p.child('jsonPath')));
  });
  const scale = v.subresources?.scale;
  const p = path.child('subresources', 'scale');
  if (scale) {
    const simple = (name: string, value: string | undefined, prefixes: string[]) => {
      if (!value) return;
      if (!prefixes.some((x) => value.startsWith(x))) {
        out.push(
          field.invalid(
            p.child(name),
            value,
            `should be a json path under ${prefixes.join(' or ').replace(/\.$/, '')}`,
          ),
        );
      }
    };
    if (!scale.specReplicasPath) out.push(field.required(p.child('specReplicasPath'), ''));
    if (!scale.statusReplicasPath) out.push(field.required(p.child('statusReplicasPath'), ''));
    simple('specReplicasPath', scale.specReplicasPath, ['.spec.']);
    simple('statusReplicasPath', scale.statusReplicasPath, ['.status.']);
    simple('labelSelectorPath', scale.labelSelectorPath, ['.spec.', '.status.']);
  }
  (v.selectableFields ?? []).forEach((f, i) => {
    out.push(...pathErrors(f.jsonPath ?? '', path.child('selectableFields').index(i).child('jsonPath')));
  });
  return out;
}

function pathErrors(text: string, path: FieldPath): FieldError[] {
  try {
    compileJsonPath(text);
    return [];
  } catch (err) {
    return [field.invalid(path, text, (err as Error).message)];
  }
}

/** Defaults must be valid values themselves. */
function validateDefaults(schema: Schema, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  if (schema.default !== undefined)
    out.push(...validateSchema(schema.default, { ...schema, default: undefined }, path.child('default')));
  for (const [k, s] of Object.entries(schema.properties ?? {}))
    out.push(...validateDefaults(s, path.child('properties').key(k)));
  if (schema.items) out.push(...validateDefaults(schema.items, path.child('items')));
  if (typeof schema.additionalProperties === 'object')
    out.push(...validateDefaults(schema.additionalProperties, path.child('additionalProperties')));
  return out;
}

const isProtected = (group: string) => /(^|\.)(k8s|kubernetes)\.io$/.test(group);

/** Checks a definition (ValidateCustomResourceDefinition). */
export function validateDefinition(crd: CustomResourceDefinition, old?: CustomResourceDefinition): FieldError[] {
  const s = crd.spec ?? ({} as CustomResourceDefinition['spec']);
  const names: Partial<CrdNames> = s.names ?? {};
  const out: FieldError[] = [];
  const wanted = `${names.plural ?? ''}.${s.group ?? ''}`;
  if (crd.metadata.name !== wanted) {
    out.push(field.invalid('metadata.name', crd.metadata.name ?? '', 'must be spec.names.plural+"."+spec.group'));
  }
  if (!s.group) out.push(field.required(spec.child('group'), ''));
  else {
    const bad = isDns1123Subdomain(s.group);
    for (const m of bad) out.push(field.invalid(spec.child('group'), s.group, m));
    if (bad.length === 0 && !s.group.includes('.'))
      out.push(field.invalid(spec.child('group'), s.group, 'should be a domain with at least one dot'));
    const approval = crd.metadata.annotations?.['api-approved.kubernetes.io'] ?? '';
    if (isProtected(s.group) && !approval && !old) {
      out.push(
        field.required(
          'metadata.annotations[api-approved.kubernetes.io]',
          'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
        ),
      );
    }
  }
  if (!s.scope) out.push(field.required(spec.child('scope'), ''));
  else if (s.scope !== 'Namespaced' && s.scope !== 'Cluster')
    out.push(field.notSupported(spec.child('scope'), s.scope, ['Cluster', 'Namespaced']));
  out.push(...validateNames(names, spec.child('names')));
  const versions = s.versions ?? [];
  const seen = new Set<string>();
  versions.forEach((v, i) => {
    const path = spec.child('versions').index(i);
    if (seen.has(v.name))
      out.push(
        field.invalid(
          spec.child('versions'),
          versions.map((x) => x.name),
          'must contain unique version names',
        ),
      );
    seen.add(v.name);
    out.push(...validateVersion(v, path));
  });
  if (versions.filter((v) => v.storage).length !== 1) {
    out.push(
      field.invalid(
        spec.child('versions'),
        versions.map((x) => x.name),
        'must have exactly one version marked as storage version',
      ),
    );
  }
  const storedVersions = crd.status?.storedVersions ?? [];
  storedVersions.forEach((v, i) => {
    if (!seen.has(v))
      out.push(
        field.invalid(
          FieldPath.of('status', 'storedVersions').index(i),
          v,
          'missing from spec.versions; ensure there are no stored objects in that version first',
        ),
      );
  });
  const strategy = s.conversion?.strategy ?? 'None';
  if (strategy !== 'None' && strategy !== 'Webhook')
    out.push(field.notSupported(spec.child('conversion', 'strategy'), strategy, ['None', 'Webhook']));
  if (strategy === 'Webhook') {
    const { webhook } = s.conversion ?? {};
    const at = spec.child('conversion');
    if (!webhook?.clientConfig)
      out.push(field.required(at.child('webhookClientConfig'), 'required when strategy is set to Webhook'));
    else validateClientConfig(webhook.clientConfig, at.child('webhook', 'clientConfig'), out);
    const reviews = webhook?.conversionReviewVersions ?? [];
    const versionsPath = at.child('conversionReviewVersions');
    if (reviews.length === 0) out.push(field.required(versionsPath, ''));
    else if (!reviews.some((v) => v === 'v1' || v === 'v1beta1'))
      out.push(field.invalid(versionsPath, reviews, 'must include at least one of v1, v1beta1'));
  } else if (s.conversion?.webhook) {
    const at = spec.child('conversion', 'webhook');
    out.push(field.forbidden(at, 'should not be set when strategy is not set to Webhook'));
  }
  if (s.preserveUnknownFields)
    out.push(
      field.invalid(spec.child('preserveUnknownFields'), true, 'must be false in order to use defaults in the schema'),
    );
  return old ? [...out, ...validateUnchanged(crd, old)] : out;
}

function validateUnchanged(crd: CustomResourceDefinition, old: CustomResourceDefinition): FieldError[] {
  const out: FieldError[] = [];
  const same = (path: FieldPath, now: unknown, before: unknown) => {
    if (now !== before) out.push(field.invalid(path, now ?? '', 'field is immutable'));
  };
  same(spec.child('group'), crd.spec?.group, old.spec.group);
  same(spec.child('names', 'plural'), crd.spec?.names?.plural, old.spec.names.plural);
  // Before it is established nothing was stored by the rest.
  if (isEstablished(old)) {
    same(spec.child('scope'), crd.spec?.scope, old.spec.scope);
    same(spec.child('names', 'kind'), crd.spec?.names?.kind, old.spec.names.kind);
  }
  return out;
}
