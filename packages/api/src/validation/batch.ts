import {
  FieldPath,
  field,
  isQualifiedName,
  labelSelectorAsSelector,
  validateLabelSelector,
} from '@kubelab/apimachinery';
import type { V1CronJob, V1Job, V1JobSpec } from '../generated/types.js';
import { type Errors, each, immutable, list, nonNegative, semanticEqual } from './common.js';
import { cronProblem, isTimeZone } from './cron.js';
import { diffText } from './diff.js';
import { validatePodTemplateSpec } from './pod/podspec.js';

const SPEC = FieldPath.of('spec');

function validateFailurePolicy(spec: V1JobSpec, path: FieldPath, errors: Errors): void {
  const policy = spec.podFailurePolicy;
  if (!policy) return;
  if (spec.template?.spec?.restartPolicy !== 'Never') {
    errors.push(
      field.invalid(
        path.child('template', 'spec', 'restartPolicy'),
        spec.template?.spec?.restartPolicy ?? '',
        'only "Never" is supported when podFailurePolicy is specified',
      ),
    );
  }
  each(policy.rules, (rule, i) => {
    const p = path.child('podFailurePolicy', 'rules').index(i);
    const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
    if (!rule.action) errors.push(field.required(p.child('action'), `valid values: ${JSON.stringify(actions)}`));
    else if (!actions.includes(rule.action)) errors.push(field.notSupported(p.child('action'), rule.action, actions));
    const codes = rule.onExitCodes;
    if (codes && list(rule.onPodConditions).length > 0) {
      errors.push(field.invalid(p, null, 'specifying both OnExitCodes and OnPodConditions is not supported'));
    }
    if (!codes && list(rule.onPodConditions).length === 0) {
      errors.push(field.invalid(p, null, 'specifying one of OnExitCodes and OnPodConditions is required'));
    }
    if (!codes) return;
    const cp = p.child('onExitCodes');
    if (!['In', 'NotIn'].includes(codes.operator))
      errors.push(field.notSupported(cp.child('operator'), codes.operator ?? '', ['In', 'NotIn']));
    if (list(codes.values).length === 0) {
      errors.push(field.invalid(cp.child('values'), codes.values ?? null, 'at least one value is required'));
    }
    each(codes.values, (v, j) => {
      if (codes.operator === 'In' && v === 0)
        errors.push(field.invalid(cp.child('values').index(j), v, 'must not be 0 for the In operator'));
    });
  });
}

function validateJobSpec(spec: V1JobSpec, path: FieldPath, errors: Errors): void {
  nonNegative(spec.parallelism, path.child('parallelism'), errors);
  nonNegative(spec.completions, path.child('completions'), errors);
  nonNegative(spec.activeDeadlineSeconds, path.child('activeDeadlineSeconds'), errors);
  nonNegative(spec.backoffLimit, path.child('backoffLimit'), errors);
  nonNegative(spec.ttlSecondsAfterFinished, path.child('ttlSecondsAfterFinished'), errors);
  nonNegative(spec.backoffLimitPerIndex, path.child('backoffLimitPerIndex'), errors);
  nonNegative(spec.maxFailedIndexes, path.child('maxFailedIndexes'), errors);
  const indexed = spec.completionMode === 'Indexed';
  if (spec.completionMode !== undefined) {
    if (!['NonIndexed', 'Indexed'].includes(spec.completionMode)) {
      errors.push(field.notSupported(path.child('completionMode'), spec.completionMode, ['NonIndexed', 'Indexed']));
    }
    if (indexed) {
      if (spec.completions === undefined) {
        errors.push(field.required(path.child('completions'), 'when completion mode is Indexed'));
      }
      if ((spec.parallelism ?? 0) > 100000) {
        errors.push(
          field.invalid(
            path.child('parallelism'),
            spec.parallelism,
            'must be less than or equal to 100000 when completion mode is Indexed',
          ),
        );
      }
    }
  }
  if (!indexed && spec.backoffLimitPerIndex !== undefined) {
    errors.push(
      field.invalid(path.child('backoffLimitPerIndex'), spec.backoffLimitPerIndex, 'requires indexed completion mode'),
    );
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(field.required(path.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
  }
  if (spec.podReplacementPolicy !== undefined) {
    const allowed = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
    if (!allowed.includes(spec.podReplacementPolicy)) {
      errors.push(field.notSupported(path.child('podReplacementPolicy'), spec.podReplacementPolicy, allowed));
    }
  }
  if (spec.managedBy !== undefined && isQualifiedName(spec.managedBy).length > 0) {
    errors.push(
      field.invalid(path.child('managedBy'), spec.managedBy, 'must be a domain-prefixed path (such as "acme.io/foo")'),
    );
  }
  validateFailurePolicy(spec, path, errors);
  const template = path.child('template');
  validatePodTemplateSpec(spec.template, template, errors);
  const policy = spec.template?.spec?.restartPolicy;
  if (!policy || policy === 'Always') {
    errors.push(field.required(template.child('spec', 'restartPolicy'), 'valid values: "OnFailure", "Never"'));
  } else if (policy !== 'OnFailure' && policy !== 'Never') {
    errors.push(field.notSupported(template.child('spec', 'restartPolicy'), policy, ['OnFailure', 'Never']));
  }
}

/** Checks a job; its selector and labels have been generated before. */
export function validateJob(job: V1Job): Errors {
  const errors: Errors = [];
  const spec = job.spec ?? { template: {} };
  validateJobSpec(spec, SPEC, errors);
  const name = job.metadata?.name ?? '';
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    const last = `${name}-${(spec.completions ?? 1) - 1}`;
    if (last.length > 63) {
      errors.push(
        field.invalid(
          'metadata.name',
          name,
          `will not able to create pod with invalid DNS label: must be no more than 63 characters`,
        ),
      );
    }
  }
  if (!spec.selector) errors.push(field.required(SPEC.child('selector'), ''));
  else {
    const problems = validateLabelSelector(spec.selector, SPEC.child('selector'));
    errors.push(...problems);
    const labels = spec.template?.metadata?.labels ?? {};
    if (problems.length === 0 && !labelSelectorAsSelector(spec.selector).matches(labels)) {
      errors.push(
        field.invalid(
          SPEC.child('template', 'metadata', 'labels'),
          labels,
          '`selector` does not match template `labels`',
        ),
      );
    }
  }
  return errors;
}

/** Checks an update of a job: hardly anything but parallelism, suspension and deadlines may change. */
export function validateJobUpdate(job: V1Job, old: V1Job): Errors {
  const errors: Errors = [];
  const now = job.spec;
  const was = old.spec;
  const elastic = was?.completionMode === 'Indexed' && now?.completions === now?.parallelism;
  validateJobSpec(now ?? { template: {} }, SPEC, errors);
  if (!elastic) immutable(now?.completions, was?.completions, SPEC.child('completions'), errors);
  immutable(now?.selector, was?.selector, SPEC.child('selector'), errors);
  // While suspended and not yet started, where the pods will run may still be chosen.
  const mutable = was?.suspend === true && old.status?.startTime === undefined;
  const rest = (spec: V1JobSpec | undefined): unknown => {
    if (!mutable || !spec?.template) return spec?.template;
    const copy = structuredClone(spec.template);
    if (copy.metadata) {
      delete copy.metadata.labels;
      delete copy.metadata.annotations;
    }
    if (copy.spec) {
      copy.spec.nodeSelector = {};
      copy.spec.tolerations = [];
      copy.spec.schedulingGates = [];
      delete copy.spec.affinity?.nodeAffinity;
    }
    return copy;
  };
  if (!semanticEqual(rest(now), rest(was))) {
    errors.push(
      field.invalid(
        SPEC.child('template'),
        now?.template ?? null,
        `field is immutable\n${diffText(rest(was), rest(now))}`,
      ),
    );
  }
  immutable(now?.completionMode, was?.completionMode, SPEC.child('completionMode'), errors);
  immutable(now?.podFailurePolicy, was?.podFailurePolicy, SPEC.child('podFailurePolicy'), errors);
  immutable(now?.backoffLimitPerIndex, was?.backoffLimitPerIndex, SPEC.child('backoffLimitPerIndex'), errors);
  immutable(now?.managedBy, was?.managedBy, SPEC.child('managedBy'), errors);
  immutable(now?.successPolicy, was?.successPolicy, SPEC.child('successPolicy'), errors);
  return errors;
}

/** Checks a cron job. */
export function validateCronJob(cron: V1CronJob): Errors {
  const errors: Errors = [];
  const spec = cron.spec;
  const schedule = SPEC.child('schedule');
  if (!spec?.schedule) errors.push(field.required(schedule, ''));
  else {
    const problem = cronProblem(spec.schedule);
    if (problem) errors.push(field.invalid(schedule, spec.schedule, problem));
    if (/TZ=/.test(spec.schedule)) {
      errors.push(
        field.invalid(schedule, spec.schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
      );
    }
  }
  nonNegative(spec?.startingDeadlineSeconds, SPEC.child('startingDeadlineSeconds'), errors);
  const policies = ['Allow', 'Forbid', 'Replace'];
  if (!spec?.concurrencyPolicy) errors.push(field.required(SPEC.child('concurrencyPolicy'), ''));
  else if (!policies.includes(spec.concurrencyPolicy)) {
    errors.push(field.notSupported(SPEC.child('concurrencyPolicy'), spec.concurrencyPolicy, policies));
  }
  nonNegative(spec?.successfulJobsHistoryLimit, SPEC.child('successfulJobsHistoryLimit'), errors);
  nonNegative(spec?.failedJobsHistoryLimit, SPEC.child('failedJobsHistoryLimit'), errors);
  const zone = spec?.timeZone;
  if (zone !== undefined) {
    if (zone === '')
      errors.push(field.invalid(SPEC.child('timeZone'), zone, 'timeZone must be nil or non-empty string'));
    else if (!isTimeZone(zone)) errors.push(field.invalid(SPEC.child('timeZone'), zone, `unknown time zone ${zone}`));
  }
  const path = SPEC.child('jobTemplate', 'spec');
  const job = spec?.jobTemplate?.spec ?? { template: {} };
  validateJobSpec(job, path, errors);
  if (job.manualSelector) errors.push(field.notSupported(path.child('manualSelector'), 'true', ['nil', 'false']));
  if ((cron.metadata?.name ?? '').length > 52) {
    errors.push(field.invalid('metadata.name', cron.metadata?.name, 'must be no more than 52 characters'));
  }
  return errors;
}
