import { FieldPath, field, isFullyQualifiedName, isQualifiedName, validateLabelSelector } from '@kubelab/apimachinery';
import type {
  V1MutatingWebhook,
  V1MutatingWebhookConfiguration,
  V1RuleWithOperations,
  V1ValidatingAdmissionPolicy,
  V1ValidatingAdmissionPolicyBinding,
  V1ValidatingWebhook,
  V1ValidatingWebhookConfiguration,
} from '../generated/types.js';
import { type Errors, each, invalidAll, list, optionalEnum, requiredEnum } from './common.js';

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

function validateRule(rule: V1RuleWithOperations, path: FieldPath, errors: Errors): void {
  const required = (values: string[] | undefined, name: string): void => {
    if (list(values).length === 0) errors.push(field.required(path.child(name), ''));
    if (list(values).length > 1 && list(values).includes('*')) {
      errors.push(
        field.invalid(
          path.child(name),
          values,
          `if '*' is present, must not specify other ${name === 'apiGroups' ? 'API groups' : name === 'apiVersions' ? 'API versions' : name}`,
        ),
      );
    }
  };
  required(rule.operations, 'operations');
  each(rule.operations, (op, i) => {
    if (!OPERATIONS.includes(op)) errors.push(field.notSupported(path.child('operations').index(i), op, OPERATIONS));
  });
  required(rule.apiGroups, 'apiGroups');
  required(rule.apiVersions, 'apiVersions');
  each(rule.apiVersions, (v, i) => {
    if (v === '') errors.push(field.required(path.child('apiVersions').index(i), ''));
  });
  if (list(rule.resources).length === 0) errors.push(field.required(path.child('resources'), ''));
  each(rule.resources, (r, i) => {
    if (r === '') errors.push(field.required(path.child('resources').index(i), ''));
  });
  optionalEnum(rule.scope, ['*', 'Cluster', 'Namespaced'], path.child('scope'), errors);
}

/** Checks how a webhook is reached: a URL or a service, not both. */
export function validateClientConfig(
  config: { url?: string; service?: { name?: string; namespace?: string; path?: string; port?: number } } | undefined,
  path: FieldPath,
  errors: Errors,
): void {
  const both = Boolean(config?.url) === Boolean(config?.service);
  if (both) {
    errors.push(field.required(path, 'exactly one of url or service is required'));
    return;
  }
  if (config?.url !== undefined) {
    const p = path.child('url');
    if (!URL.canParse(config.url)) {
      errors.push(field.required(p, `url must be a valid URL: ${config.url}`));
      return;
    }
    const url = new URL(config.url);
    const form = '; desired format: https://host[/path]';
    if (url.protocol !== 'https:')
      errors.push(field.invalid(p, url.protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`));
    if (url.host === '') errors.push(field.invalid(p, url.host, `host must be specified${form}`));
    if (url.username || url.password)
      errors.push(field.invalid(p, config.url, 'user information is not permitted in the URL'));
    if (url.hash) errors.push(field.invalid(p, url.hash, 'fragments are not permitted in the URL'));
    if (url.search) errors.push(field.invalid(p, url.search.slice(1), 'query parameters are not permitted in the URL'));
  }
  const s = config?.service;
  if (!s) return;
  const p = path.child('service');
  if (!s.name) errors.push(field.required(p.child('name'), 'service name is required'));
  if (!s.namespace) errors.push(field.required(p.child('namespace'), 'service namespace is required'));
  if (s.port !== undefined && !(s.port >= 1 && s.port <= 65535)) {
    errors.push(field.invalid(p.child('port'), s.port, 'port is not valid: must be between 1 and 65535, inclusive'));
  }
  if (s.path !== undefined && s.path !== '' && !s.path.startsWith('/')) {
    errors.push(field.invalid(p.child('path'), s.path, "must start with a '/'"));
  }
}

function validateWebhook(w: V1MutatingWebhook | V1ValidatingWebhook, path: FieldPath, errors: Errors): void {
  invalidAll(path.child('name'), w.name ?? '', isFullyQualifiedName(w.name ?? ''), errors);
  each(w.rules, (r, i) => validateRule(r, path.child('rules').index(i), errors));
  optionalEnum(w.failurePolicy, ['Fail', 'Ignore'], path.child('failurePolicy'), errors);
  optionalEnum(w.matchPolicy, ['Equivalent', 'Exact'], path.child('matchPolicy'), errors);
  requiredEnum(w.sideEffects, ['None', 'NoneOnDryRun'], path.child('sideEffects'), errors);
  const t = w.timeoutSeconds;
  if (t !== undefined && (t > 30 || t < 1)) {
    errors.push(field.invalid(path.child('timeoutSeconds'), t, 'the timeout value must be between 1 and 30 seconds'));
  }
  errors.push(...validateLabelSelector(w.namespaceSelector, path.child('namespaceSelector')));
  errors.push(...validateLabelSelector(w.objectSelector, path.child('objectSelector')));
  validateClientConfig(w.clientConfig, path.child('clientConfig'), errors);
  const versions = list(w.admissionReviewVersions);
  const vp = path.child('admissionReviewVersions');
  if (versions.length === 0) {
    errors.push(field.required(vp, `must specify one of v1, v1beta1`));
  } else if (!versions.some((v) => v === 'v1' || v === 'v1beta1')) {
    errors.push(field.invalid(vp, versions, `must include at least one of v1, v1beta1`));
  }
  if ('reinvocationPolicy' in w)
    optionalEnum(w.reinvocationPolicy, ['IfNeeded', 'Never'], path.child('reinvocationPolicy'), errors);
  const names = new Set<string>();
  each(w.matchConditions, (c, i) => {
    const p = path.child('matchConditions').index(i);
    if (!c.expression?.trim()) errors.push(field.required(p.child('expression'), ''));
    if (!c.name) errors.push(field.required(p.child('name'), ''));
    else invalidAll(p.child('name'), c.name, isQualifiedName(c.name), errors);
    if (names.has(c.name)) errors.push(field.duplicate(p.child('name'), c.name));
    names.add(c.name);
  });
}

/** Checks a webhook configuration of either kind. */
export function validateWebhookConfiguration(
  configuration: V1MutatingWebhookConfiguration | V1ValidatingWebhookConfiguration,
): Errors {
  const errors: Errors = [];
  const names = new Set<string>();
  each(configuration.webhooks as V1MutatingWebhook[] | undefined, (w, i) => {
    const p = FieldPath.of('webhooks').index(i);
    validateWebhook(w, p, errors);
    if (w.name && names.has(w.name)) errors.push(field.duplicate(p.child('name'), w.name));
    names.add(w.name);
  });
  return errors;
}

/** Checks a validating admission policy (the API server, which knows CEL, compiles its expressions). */
export function validateAdmissionPolicy(policy: V1ValidatingAdmissionPolicy): Errors {
  const errors: Errors = [];
  const spec = FieldPath.of('spec');
  const s = policy.spec;
  optionalEnum(s?.failurePolicy, ['Fail', 'Ignore'], spec.child('failurePolicy'), errors);
  if (s?.paramKind) {
    if (!s.paramKind.apiVersion) errors.push(field.required(spec.child('paramKind', 'apiVersion'), ''));
    if (!s.paramKind.kind) errors.push(field.required(spec.child('paramKind', 'kind'), ''));
  }
  if (!s?.matchConstraints) errors.push(field.required(spec.child('matchConstraints'), ''));
  else {
    const p = spec.child('matchConstraints');
    if (list(s.matchConstraints.resourceRules).length === 0) errors.push(field.required(p.child('resourceRules'), ''));
    each(s.matchConstraints.resourceRules, (r, i) => validateRule(r, p.child('resourceRules').index(i), errors));
    each(s.matchConstraints.excludeResourceRules, (r, i) =>
      validateRule(r, p.child('excludeResourceRules').index(i), errors),
    );
    errors.push(...validateLabelSelector(s.matchConstraints.namespaceSelector, p.child('namespaceSelector')));
    errors.push(...validateLabelSelector(s.matchConstraints.objectSelector, p.child('objectSelector')));
  }
  if (list(s?.validations).length === 0 && list(s?.auditAnnotations).length === 0) {
    const message = 'validations or auditAnnotations must be non-empty, at least one of them is required';
    errors.push(
      field.required(spec.child('validations'), message),
      field.required(spec.child('auditAnnotations'), message),
    );
  }
  each(s?.validations, (v, i) => {
    const p = spec.child('validations').index(i);
    if (!v.expression?.trim()) errors.push(field.required(p.child('expression'), 'expression is not specified'));
    if (v.message !== undefined && v.message !== '' && v.message.trim() === '') {
      errors.push(field.invalid(p.child('message'), v.message, 'message must be non-empty if specified'));
    }
    if (v.message?.trim().includes('\n'))
      errors.push(field.invalid(p.child('message'), v.message, 'message must not contain line breaks'));
    optionalEnum(
      v.reason,
      ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'],
      p.child('reason'),
      errors,
    );
  });
  each(s?.variables, (v, i) => {
    const p = spec.child('variables').index(i);
    if (!v.name) errors.push(field.required(p.child('name'), 'name is not specified'));
    else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(v.name))
      errors.push(field.invalid(p.child('name'), v.name, 'name is not a valid CEL identifier'));
    if (!v.expression?.trim()) errors.push(field.required(p.child('expression'), 'expression is not specified'));
  });
  return errors;
}

/** Checks a binding of a validating admission policy. */
export function validateAdmissionPolicyBinding(binding: V1ValidatingAdmissionPolicyBinding): Errors {
  const errors: Errors = [];
  const spec = FieldPath.of('spec');
  if (!binding.spec?.policyName) errors.push(field.required(spec.child('policyName'), ''));
  const ref = binding.spec?.paramRef;
  if (ref) {
    const p = spec.child('paramRef');
    if (ref.name && ref.selector)
      errors.push(field.forbidden(p.child('name'), 'name and selector are mutually exclusive'));
    else if (!ref.name && !ref.selector) errors.push(field.required(p, 'one of name or selector must be specified'));
    requiredEnum(ref.parameterNotFoundAction, ['Allow', 'Deny'], p.child('parameterNotFoundAction'), errors);
  }
  const actions = list(binding.spec?.validationActions);
  const ap = spec.child('validationActions');
  if (actions.length === 0) errors.push(field.required(ap, 'at least one validation action is required'));
  const seen = new Set<string>();
  each(actions, (a, i) => {
    if (!['Audit', 'Deny', 'Warn'].includes(a))
      errors.push(field.notSupported(ap.index(i), a, ['Audit', 'Deny', 'Warn']));
    if (seen.has(a)) errors.push(field.duplicate(ap.index(i), a));
    seen.add(a);
  });
  if (seen.has('Deny') && seen.has('Warn')) {
    errors.push(
      field.invalid(
        ap,
        actions,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  }
  return errors;
}
