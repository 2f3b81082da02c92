import { FieldPath, field, isDns1123Label, isDns1123Subdomain, isQualifiedName } from '@kubelab/apimachinery';
import type {
  V1APIService,
  V1CSIDriver,
  V1FlowSchema,
  V1PriorityClass,
  V1PriorityLevelConfiguration,
  V1RuntimeClass,
  V1StorageClass,
  V1VolumeAttachment,
} from '../generated/types.js';
import { type Errors, each, entries, immutable, invalidAll, list, requiredEnum, semanticEqual } from './common.js';
import { validateResourceQuantity } from './pod/resources.js';
import { validateTolerations } from './pod/scheduling.js';

const SPEC = FieldPath.of('spec');
const HIGHEST_USER_PRIORITY = 1_000_000_000;

/** Checks a priority class. */
export function validatePriorityClass(pc: V1PriorityClass): Errors {
  const errors: Errors = [];
  const name = pc.metadata?.name ?? '';
  const system: Record<string, number> = { 'system-node-critical': 2000001000, 'system-cluster-critical': 2000000000 };
  if (name.startsWith('system-') && system[name] !== pc.value) {
    errors.push(
      field.forbidden(
        'metadata.name',
        `priority class names with 'system-' prefix are reserved for system use only. error: ${name} is not a known system priority class`,
      ),
    );
  }
  if (!name.startsWith('system-') && pc.value > HIGHEST_USER_PRIORITY) {
    errors.push(
      field.forbidden('value', `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`),
    );
  }
  if (pc.preemptionPolicy !== undefined) {
    requiredEnum(pc.preemptionPolicy, ['Never', 'PreemptLowerPriority'], FieldPath.of('preemptionPolicy'), errors);
  }
  return errors;
}

/** Checks an update of a priority class: value and preemption policy stay. */
export function validatePriorityClassUpdate(pc: V1PriorityClass, old: V1PriorityClass): Errors {
  const errors: Errors = [];
  if (pc.value !== old.value) errors.push(field.forbidden('value', 'may not be changed in an update.'));
  immutable(pc.preemptionPolicy, old.preemptionPolicy, FieldPath.of('preemptionPolicy'), errors);
  return errors;
}

/** Checks a runtime class. */
export function validateRuntimeClass(rc: V1RuntimeClass): Errors {
  const errors: Errors = [];
  invalidAll(FieldPath.of('handler'), rc.handler ?? '', isDns1123Label(rc.handler ?? ''), errors);
  for (const [name, value] of entries(rc.overhead?.podFixed)) {
    validateResourceQuantity(name, value, FieldPath.of('overhead', 'podFixed').key(name), errors);
  }
  validateTolerations(rc.scheduling?.tolerations, FieldPath.of('scheduling', 'tolerations'), errors);
  return errors;
}

/** Checks an update of a runtime class: its handler stays. */
export function validateRuntimeClassUpdate(rc: V1RuntimeClass, old: V1RuntimeClass): Errors {
  const errors = validateRuntimeClass(rc);
  immutable(rc.handler, old.handler, FieldPath.of('handler'), errors);
  return errors;
}

/** Checks a storage class. */
export function validateStorageClass(sc: V1StorageClass): Errors {
  const errors: Errors = [];
  const p = FieldPath.of('provisioner');
  if (!sc.provisioner) errors.push(field.required(p, ''));
  else invalidAll(p, sc.provisioner, isQualifiedName(sc.provisioner.toLowerCase()), errors);
  const keys = Object.keys(sc.parameters ?? {});
  if (keys.length > 512) errors.push(field.tooLong('parameters', '', 512));
  if (keys.includes('')) errors.push(field.invalid('parameters', '', 'field can not be empty.'));
  requiredEnum(sc.reclaimPolicy, ['Delete', 'Retain'], FieldPath.of('reclaimPolicy'), errors);
  requiredEnum(sc.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'], FieldPath.of('volumeBindingMode'), errors);
  return errors;
}

/** Checks an update of a storage class: what decides about volumes stays. */
export function validateStorageClassUpdate(sc: V1StorageClass, old: V1StorageClass): Errors {
  const errors = validateStorageClass(sc);
  const forbid = (name: 'parameters' | 'provisioner' | 'reclaimPolicy', message: string): void => {
    if (!semanticEqual(sc[name], old[name])) errors.push(field.forbidden(name, message));
  };
  forbid('parameters', 'updates to parameters are forbidden.');
  forbid('provisioner', 'updates to provisioner are forbidden.');
  forbid('reclaimPolicy', 'updates to reclaimPolicy are forbidden.');
  immutable(sc.volumeBindingMode, old.volumeBindingMode, FieldPath.of('volumeBindingMode'), errors);
  return errors;
}

/** Checks a CSI driver. */
export function validateCsiDriver(driver: V1CSIDriver): Errors {
  const errors: Errors = [];
  if ((driver.metadata?.name ?? '').length > 63) errors.push(field.tooLong('metadata.name', '', 63));
  each(driver.spec?.volumeLifecycleModes, (m) => {
    if (!['Ephemeral', 'Persistent'].includes(m)) {
      errors.push(field.notSupported(SPEC.child('volumeLifecycleModes'), m, ['Ephemeral', 'Persistent']));
    }
  });
  return errors;
}

/** Checks a volume attachment. */
export function validateVolumeAttachment(va: V1VolumeAttachment): Errors {
  const errors: Errors = [];
  if (!va.spec?.attacher) errors.push(field.required(SPEC.child('attacher'), ''));
  if (!va.spec?.nodeName) errors.push(field.required(SPEC.child('nodeName'), ''));
  const source = va.spec?.source;
  const p = SPEC.child('source');
  if (!source?.inlineVolumeSpec && !source?.persistentVolumeName) {
    errors.push(field.required(p, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'));
  } else if (source.inlineVolumeSpec && source.persistentVolumeName) {
    errors.push(field.forbidden(p, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'));
  }
  return errors;
}

/** Checks an update of a volume attachment: its spec stays. */
export function validateVolumeAttachmentUpdate(va: V1VolumeAttachment, old: V1VolumeAttachment): Errors {
  const errors: Errors = [];
  immutable(va.spec, old.spec, SPEC, errors);
  return errors;
}

/** Checks a flow schema. */
export function validateFlowSchema(fs: V1FlowSchema): Errors {
  const errors: Errors = [];
  const precedence = fs.spec?.matchingPrecedence ?? 0;
  if (precedence <= 0)
    errors.push(field.invalid(SPEC.child('matchingPrecedence'), precedence, 'must be a positive value'));
  if (precedence > 10000)
    errors.push(field.invalid(SPEC.child('matchingPrecedence'), precedence, 'must not be greater than 10000'));
  if (precedence === 1 && fs.metadata?.name !== 'exempt') {
    errors.push(
      field.invalid(
        SPEC.child('matchingPrecedence'),
        1,
        "only the schema named 'exempt' may have matchingPrecedence 1",
      ),
    );
  }
  const level = fs.spec?.priorityLevelConfiguration?.name;
  const p = SPEC.child('priorityLevelConfiguration', 'name');
  if (!level) errors.push(field.required(p, 'must reference a priority level'));
  else invalidAll(p, level, isDns1123Subdomain(level), errors);
  const method = fs.spec?.distinguisherMethod;
  if (method && !['ByNamespace', 'ByUser'].includes(method.type)) {
    errors.push(
      field.notSupported(SPEC.child('distinguisherMethod', 'type'), method.type ?? '', ['ByNamespace', 'ByUser']),
    );
  }
  each(fs.spec?.rules, (rule, i) => {
    const rp = SPEC.child('rules').index(i);
    if (list(rule.subjects).length === 0)
      errors.push(field.required(rp.child('subjects'), 'subjects must contain at least one value'));
    if (list(rule.resourceRules).length + list(rule.nonResourceRules).length === 0) {
      errors.push(field.required(rp, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
    }
    each(rule.subjects, (s, j) => {
      if (!['Group', 'ServiceAccount', 'User'].includes(s.kind)) {
        errors.push(
          field.notSupported(rp.child('subjects').index(j).child('kind'), s.kind ?? '', [
            'Group',
            'ServiceAccount',
            'User',
          ]),
        );
      }
    });
  });
  return errors;
}

/** Checks a priority level. */
export function validatePriorityLevel(plc: V1PriorityLevelConfiguration): Errors {
  const errors: Errors = [];
  const spec = plc.spec;
  requiredEnum(spec?.type, ['Exempt', 'Limited'], SPEC.child('type'), errors);
  if (spec?.type === 'Limited') {
    const p = SPEC.child('limited');
    if (!spec.limited) {
      errors.push(field.required(p, 'must not be empty when type is Limited'));
      return errors;
    }
    const shares = spec.limited.nominalConcurrencyShares ?? 0;
    if (shares < 0)
      errors.push(field.invalid(p.child('nominalConcurrencyShares'), shares, 'must be a non-negative integer'));
    const response = spec.limited.limitResponse;
    requiredEnum(response?.type, ['Queue', 'Reject'], p.child('limitResponse', 'type'), errors);
    if (response?.type === 'Queue') {
      const q = response.queuing;
      const qp = p.child('limitResponse', 'queuing');
      if (!q) errors.push(field.required(qp, 'must not be empty if limited.limitResponse.type is Queue'));
      else {
        for (const name of ['queues', 'handSize', 'queueLengthLimit'] as const) {
          if ((q[name] ?? 0) <= 0) errors.push(field.invalid(qp.child(name), q[name] ?? 0, 'must be positive'));
        }
        if ((q.handSize ?? 0) > (q.queues ?? 0)) {
          errors.push(
            field.invalid(qp.child('handSize'), q.handSize, `should not be greater than queues (${q.queues})`),
          );
        }
      }
    } else if (response?.queuing) {
      errors.push(
        field.forbidden(
          p.child('limitResponse', 'queuing'),
          'must be nil if limited.limitResponse.type is not Limited',
        ),
      );
    }
  } else if (spec?.limited) {
    errors.push(field.forbidden(SPEC.child('limited'), 'must be nil if the type is not Limited'));
  }
  return errors;
}

/** Checks an API service: its name is version.group. */
export function validateApiService(service: V1APIService): Errors {
  const errors: Errors = [];
  const spec = service.spec;
  const wanted = `${spec?.version ?? ''}.${spec?.group ?? ''}`;
  const name = service.metadata?.name ?? '';
  if (name !== wanted && !(spec?.group === undefined || spec.group === '' ? name === `${spec?.version}.` : false)) {
    errors.push(
      field.invalid('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`),
    );
  }
  if (spec?.group) invalidAll(SPEC.child('group'), spec.group, isDns1123Subdomain(spec.group), errors);
  if (!spec?.version) errors.push(field.required(SPEC.child('version'), ''));
  const group = spec?.groupPriorityMinimum ?? 0;
  if (group <= 0 || group > 20000)
    errors.push(field.invalid(SPEC.child('groupPriorityMinimum'), group, 'must be positive and less than 20000'));
  const version = spec?.versionPriority ?? 0;
  if (version <= 0 || version > 1000)
    errors.push(field.invalid(SPEC.child('versionPriority'), version, 'must be positive and less than 1000'));
  if (!spec?.service) {
    if (spec?.caBundle) {
      errors.push(
        field.invalid(
          SPEC.child('caBundle'),
          `${spec?.caBundle?.length} bytes`,
          'local APIServices may not have a caBundle',
        ),
      );
    }
    if (spec?.insecureSkipTLSVerify) {
      errors.push(
        field.invalid(
          SPEC.child('insecureSkipTLSVerify'),
          true,
          'local APIServices may not have insecureSkipTLSVerify',
        ),
      );
    }
    return errors;
  }
  if (!spec.service.namespace) errors.push(field.required(SPEC.child('service', 'namespace'), ''));
  if (!spec.service.name) errors.push(field.required(SPEC.child('service', 'name'), ''));
  if (spec.insecureSkipTLSVerify && spec.caBundle) {
    errors.push(field.invalid(SPEC.child('insecureSkipTLSVerify'), true, 'may not be true if caBundle is present'));
  }
  return errors;
}
