import {
  FieldPath,
  field,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isValidIP,
  validateAnnotations,
  validateLabels,
} from '@kubelab/apimachinery';
import type { V1Pod, V1PodSpec, V1PodTemplateSpec } from '../../generated/types.js';
import { type Errors, each, entries, invalidAll, list, nonNegative, optionalEnum, requiredEnum } from '../common.js';
import { validateContainers, validateEphemeralContainers, validateInitContainers } from './containers.js';
import { validateResourceQuantity } from './resources.js';
import { validateAffinity, validateTolerations, validateTopologySpread } from './scheduling.js';
import { validatePodSecurityContext } from './security.js';
import { validateVolumes } from './volumes.js';

function validateDns(spec: V1PodSpec, path: FieldPath, errors: Errors): void {
  requiredEnum(
    spec.dnsPolicy,
    ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'],
    path.child('dnsPolicy'),
    errors,
  );
  const config = spec.dnsConfig;
  const p = path.child('dnsConfig');
  if (spec.dnsPolicy === 'None' && list(config?.nameservers).length === 0) {
    errors.push(
      field.required(p.child('nameservers'), 'must provide at least one DNS nameserver when `dnsPolicy` is None'),
    );
  }
  if (!config) return;
  if (list(config.nameservers).length > 3) {
    errors.push(field.invalid(p.child('nameservers'), config.nameservers, 'must not have more than 3 nameservers'));
  }
  each(config.nameservers, (ns, i) => invalidAll(p.child('nameservers').index(i), ns, isValidIP(ns), errors));
  if (list(config.searches).length > 32) {
    errors.push(field.invalid(p.child('searches'), config.searches, 'must not have more than 32 search paths'));
  }
  each(config.searches, (search, i) => {
    if (search === '.') return;
    const name = (search.endsWith('.') ? search.slice(0, -1) : search).replace(/_/g, 'a');
    invalidAll(p.child('searches').index(i), search, isDns1123Subdomain(name), errors);
  });
  each(config.options, (o, i) => {
    if (!o.name) errors.push(field.required(p.child('options').index(i), 'must not be empty'));
  });
}

function validateHostNetwork(spec: V1PodSpec, path: FieldPath, errors: Errors): void {
  if (!spec.hostNetwork) return;
  for (const kind of ['containers', 'initContainers'] as const) {
    each(spec[kind], (c, i) => {
      each(c.ports, (port, j) => {
        if (port.hostPort === port.containerPort) return;
        errors.push(
          field.invalid(
            path.child(kind).index(i).child('ports').index(j).child('containerPort'),
            port.containerPort,
            'must match `hostPort` when `hostNetwork` is true',
          ),
        );
      });
    });
  }
}

function validateReferences(spec: V1PodSpec, path: FieldPath, errors: Errors): void {
  each(spec.imagePullSecrets, (s, i) => {
    if (!s.name) {
      errors.push(field.required(path.child('imagePullSecrets').index(i).child('name'), ''));
    }
  });
  const named: [keyof V1PodSpec & string, (s: string) => string[]][] = [
    ['serviceAccountName', isDns1123Subdomain],
    ['nodeName', isDns1123Subdomain],
    ['hostname', isDns1123Label],
    ['subdomain', isDns1123Label],
    ['priorityClassName', isDns1123Subdomain],
    ['runtimeClassName', isDns1123Subdomain],
  ];
  for (const [name, check] of named) {
    const value = spec[name];
    if (typeof value === 'string' && value !== '') invalidAll(path.child(name), value, check(value), errors);
  }
}

function validateClaims(spec: V1PodSpec, path: FieldPath, errors: Errors): Set<string> {
  const names = new Set<string>();
  each(spec.resourceClaims, (claim, i) => {
    const p = path.child('resourceClaims').index(i);
    if (!claim.name) errors.push(field.required(p.child('name'), ''));
    else if (names.has(claim.name)) errors.push(field.duplicate(p.child('name'), claim.name));
    else invalidAll(p.child('name'), claim.name, isDns1123Label(claim.name), errors);
    names.add(claim.name);
    const given = [claim.resourceClaimName, claim.resourceClaimTemplateName].filter((x) => x !== undefined).length;
    if (given !== 1) {
      errors.push(
        field.invalid(
          p,
          claim,
          given === 0
            ? 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'
            : 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
        ),
      );
    }
  });
  return names;
}

/** Checks a pod spec, of a pod or of a template. */
export function validatePodSpec(spec: V1PodSpec | undefined, path: FieldPath, errors: Errors, podName?: string): void {
  const s: V1PodSpec = spec ?? { containers: [] };
  const volumes = validateVolumes(s.volumes, podName, path.child('volumes'), errors);
  const claimNames = validateClaims(s, path, errors);
  const scope = { spec: s, volumes, claimNames };
  const names = validateContainers(s.containers, scope, path.child('containers'), errors);
  validateInitContainers(s.initContainers, names, scope, path.child('initContainers'), errors);
  validateEphemeralContainers(s.ephemeralContainers, names, scope, path.child('ephemeralContainers'), errors);
  validateHostNetwork(s, path, errors);
  requiredEnum(s.restartPolicy, ['Always', 'OnFailure', 'Never'], path.child('restartPolicy'), errors);
  validateDns(s, path, errors);
  errors.push(...validateLabels(s.nodeSelector, path.child('nodeSelector')));
  validatePodSecurityContext(s.securityContext, s, path.child('securityContext'), errors);
  validateReferences(s, path, errors);
  validateAffinity(s.affinity, path.child('affinity'), errors);
  each(s.readinessGates, (g, i) => {
    const p = path.child('readinessGates').index(i).child('conditionType');
    invalidAll(p, g.conditionType ?? '', isQualifiedName(g.conditionType ?? ''), errors);
  });
  validateSchedulingGates(s, path.child('schedulingGates'), errors);
  validateTopologySpread(s.topologySpreadConstraints, path.child('topologySpreadConstraints'), errors);
  nonNegative(s.terminationGracePeriodSeconds, path.child('terminationGracePeriodSeconds'), errors);
  const deadline = s.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 2147483647)) {
    errors.push(
      field.invalid(path.child('activeDeadlineSeconds'), deadline, 'must be between 1 and 2147483647, inclusive'),
    );
  }
  validateTolerations(s.tolerations, path.child('tolerations'), errors);
  each(s.hostAliases, (alias, i) => {
    const p = path.child('hostAliases').index(i);
    invalidAll(p.child('ip'), alias.ip ?? '', isValidIP(alias.ip ?? ''), errors);
    for (const name of list(alias.hostnames)) invalidAll(p.child('hostnames'), name, isDns1123Subdomain(name), errors);
  });
  optionalEnum(s.preemptionPolicy, ['Never', 'PreemptLowerPriority'], path.child('preemptionPolicy'), errors);
  for (const [name, value] of entries(s.overhead)) {
    validateResourceQuantity(name, value, path.child('overhead').key(name), errors);
  }
  if (s.os) requiredEnum(s.os.name, ['linux', 'windows'], path.child('os').child('name'), errors);
  for (const message of s.setHostnameAsFQDN && s.os?.name === 'windows' ? ['cannot be set for a windows pod'] : []) {
    errors.push(field.forbidden(path.child('setHostnameAsFQDN'), message));
  }
}

function validateSchedulingGates(spec: V1PodSpec, path: FieldPath, errors: Errors): void {
  const seen = new Set<string>();
  each(spec.schedulingGates, (g, i) => {
    const p = path.index(i).child('name');
    invalidAll(p, g.name ?? '', isQualifiedName(g.name ?? ''), errors);
    if (seen.has(g.name)) errors.push(field.duplicate(path.index(i), g.name));
    seen.add(g.name);
  });
}

const SPEC = FieldPath.of('spec');

/** Checks a new pod (its metadata is checked by the caller). */
export function validatePod(pod: V1Pod): Errors {
  const errors: Errors = [];
  validatePodSpec(pod.spec, SPEC, errors, pod.metadata?.name);
  if (pod.spec?.nodeName && list(pod.spec.schedulingGates).length > 0) {
    errors.push(field.forbidden(SPEC.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'));
  }
  return errors;
}

/** Checks a pod template. */
export function validatePodTemplateSpec(
  template: V1PodTemplateSpec | undefined,
  path: FieldPath,
  errors: Errors,
): void {
  errors.push(...validateLabels(template?.metadata?.labels, path.child('labels')));
  errors.push(...validateAnnotations(template?.metadata?.annotations, path.child('annotations')));
  validatePodSpec(template?.spec, path.child('spec'), errors);
  if (list(template?.spec?.ephemeralContainers).length > 0) {
    errors.push(
      field.forbidden(path.child('spec', 'ephemeralContainers'), 'ephemeral containers not allowed in pod template'),
    );
  }
}
