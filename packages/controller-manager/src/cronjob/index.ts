import type { V1CronJob, V1Job, V1ObjectReference } from '@kubelab/api';
import {
  hasStatusCause,
  isAlreadyExists,
  isNotFound,
  nowSecond,
  semanticEqual,
  splitObjectKey,
} from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { CronJob, Job } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { controllerKey, controllerOf, controllerRef } from '../framework/owner-reference.js';
import { messageOf } from '../framework/pod-control.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { isTimeZone, missedTimes, nextTime } from './next-time.js';
import { parseSchedule, type Schedule } from './schedule.js';

const scheduledTimestamp = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** Schedules without a zone are in the controller manager's own. */
const localZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** Clocks differ a little; a run must not be missed because we looked a moment early. */
const nextDeltaMs = 100;

/** Creates batch/v1 Jobs by the schedules of CronJobs. */
export const cronJobController: ControllerDescriptor = {
  name: 'cronjob-controller',
  aliases: ['cronjob'],
  create: newCronJobController,
};

function newCronJobController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const cronJobs = informers.informer<CronJob>(gvr.cronjobs);
  const jobs = informers.informer<Job>(gvr.jobs);
  const cronClient = client.resource<V1CronJob>(gvr.cronjobs);
  const jobClient = client.resource<V1Job>(gvr.jobs);

  async function reconcile(key: string): Promise<Outcome> {
    const { namespace, name } = splitObjectKey(key);
    const cached = cronJobs.lister.get(namespace, name);
    if (!cached) return undefined;
    const cron = structuredClone(cached);
    const owned = jobs.lister.list(namespace).filter((job) => controllerOf(job)?.uid === cron.metadata.uid);
    const status = { ...cron.status, active: [...(cron.status?.active ?? [])] };
    cron.status = status;
    await dropFinished(cron, owned);
    await cleanUp(cron, owned);
    try {
      return await schedule(cron, owned);
    } finally {
      if (status.active.length === 0) cron.status = { ...cron.status, active: undefined };
      if (!semanticEqual(cached.status ?? {}, cron.status)) await cronClient.namespace(namespace).updateStatus(cron);
    }
  }

  /** Active jobs that ended, or that are gone, leave the list. */
  async function dropFinished(cron: CronJob, owned: Job[]): Promise<void> {
    const active = cron.status?.active ?? [];
    for (const job of owned) {
      const outcome = finishedType(job);
      const listed = active.findIndex(({ uid }) => uid === job.metadata.uid);
      if (outcome === undefined && listed < 0) {
        // Made by a pass that could not write its status any more.
        if (job.metadata.annotations?.[scheduledTimestamp] !== undefined) active.push(reference(job));
        continue;
      }
      if (outcome === undefined || listed < 0) continue;
      active.splice(listed, 1);
      recorder.event(
        cron,
        'Normal',
        'SawCompletedJob',
        `Saw completed job: ${job.metadata.name}, condition: ${outcome}`,
      );
      if (outcome === 'Complete' && job.status?.completionTime) {
        const last = cron.status?.lastSuccessfulTime;
        if (!last || last < job.status.completionTime) {
          cron.status = { ...cron.status, active, lastSuccessfulTime: job.status.completionTime };
        }
      }
    }
    for (const entry of [...active]) {
      if (owned.some((job) => job.metadata.uid === entry.uid)) continue;
      if (await jobExists(cron.metadata.namespace, entry)) continue;
      recorder.event(cron, 'Normal', 'MissingJob', `Active job went missing: ${entry.name}`);
      active.splice(active.indexOf(entry), 1);
    }
  }

  async function jobExists(namespace: string, entry: V1ObjectReference): Promise<boolean> {
    try {
      return (await jobClient.namespace(namespace).get(entry.name ?? '')).metadata?.uid === entry.uid;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** Deletes the oldest finished jobs beyond the history limits. */
  async function cleanUp(cron: CronJob, owned: Job[]): Promise<void> {
    const startOf = (job: Job): number => Date.parse(job.status?.startTime ?? job.metadata.creationTimestamp);
    const trim = async (type: string, limit: number): Promise<void> => {
      const finished = owned.filter((job) => finishedType(job) === type && !job.metadata.deletionTimestamp);
      finished.sort((a, b) => startOf(a) - startOf(b));
      for (const job of finished.slice(0, Math.max(0, finished.length - limit))) await deleteJob(cron, job);
    };
    await trim('Complete', cron.spec.successfulJobsHistoryLimit ?? 3);
    await trim('Failed', cron.spec.failedJobsHistoryLimit ?? 1);
  }

  async function deleteJob(cron: CronJob, job: Job): Promise<void> {
    const { namespace, name, uid } = job.metadata;
    try {
      await jobClient.namespace(namespace).delete(name, { propagationPolicy: 'Background', preconditions: { uid } });
    } catch (error) {
      if (isNotFound(error)) return;
      recorder.event(cron, 'Warning', 'FailedDelete', `Deleted job: ${messageOf(error)}`);
      throw error;
    }
    recorder.event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
  }

  async function schedule(cron: CronJob, owned: Job[]): Promise<Outcome> {
    if (cron.metadata.deletionTimestamp || cron.spec.suspend) return undefined;
    const parsed = parse(cron);
    if (!parsed) return undefined;
    const nowMs = Date.now();
    const zone = cron.spec.timeZone ?? localZone;
    const next = nextTime(parsed, nowMs, zone);
    const later: Outcome = next === undefined ? undefined : { requeueAfterMs: next - nowMs + nextDeltaMs };
    const missed = missedTimes(parsed, earliestMs(cron, nowMs), nowMs, zone);
    if (missed.tooMany) {
      const advice = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      recorder.event(cron, 'Warning', 'TooManyMissedTimes', `too many missed start times. ${advice}`);
    }
    const runMs = missed.latestMs;
    if (runMs === undefined) return later;
    const deadline = cron.spec.startingDeadlineSeconds;
    if (deadline !== undefined && runMs + deadline * 1000 < nowMs) {
      const at = new Date(runMs).toUTCString();
      recorder.event(cron, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${at}`);
      return later;
    }
    const name = `${cron.metadata.name}-${Math.floor(runMs / 60_000)}`;
    const lastMs = Date.parse(cron.status?.lastScheduleTime ?? '');
    if (lastMs === runMs || owned.some((job) => job.metadata.name === name)) {
      noteRun(cron, runMs);
      return later;
    }
    const active = cron.status?.active ?? [];
    if (cron.spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      recorder.event(cron, 'Normal', 'JobAlreadyActive', message);
      return later;
    }
    if (cron.spec.concurrencyPolicy === 'Replace') {
      for (const job of owned.filter(({ metadata }) => active.some(({ uid }) => uid === metadata.uid))) {
        await deleteJob(cron, job);
        active.splice(
          active.findIndex(({ uid }) => uid === job.metadata.uid),
          1,
        );
      }
    }
    await start(cron, name, runMs, zone);
    return later;
  }

  function parse(cron: CronJob): Schedule | undefined {
    if (cron.spec.timeZone !== undefined && !isTimeZone(cron.spec.timeZone)) {
      const zone = cron.spec.timeZone;
      recorder.event(cron, 'Warning', 'UnknownTimeZone', `invalid timeZone: "${zone}": unknown time zone ${zone}`);
      return undefined;
    }
    try {
      return parseSchedule(cron.spec.schedule);
    } catch (error) {
      const message = `unparseable schedule: "${cron.spec.schedule}" : ${messageOf(error)}`;
      recorder.event(cron, 'Warning', 'UnparseableSchedule', message);
      return undefined;
    }
  }

  async function start(cron: CronJob, name: string, runMs: number, zone: string): Promise<void> {
    const { namespace } = cron.metadata;
    const template = cron.spec.jobTemplate;
    const job: V1Job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name,
        namespace,
        labels: { ...template.metadata?.labels },
        annotations: { ...template.metadata?.annotations, [scheduledTimestamp]: rfc3339In(runMs, zone) },
        ownerReferences: [controllerRef(cron)],
      },
      spec: structuredClone(template.spec),
    };
    let created: V1Job;
    try {
      created = await jobClient.namespace(namespace).create(job);
      recorder.event(cron, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
    } catch (error) {
      if (hasStatusCause(error, 'NamespaceTerminating')) return;
      if (!isAlreadyExists(error)) {
        recorder.event(cron, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`);
        throw error;
      }
      created = await jobClient.namespace(namespace).get(name);
      if (controllerOf(created)?.uid !== cron.metadata.uid) throw error;
    }
    cron.status = { ...cron.status, active: [...(cron.status?.active ?? []), reference(created)] };
    noteRun(cron, runMs);
  }

  return new Reconciler({ name: 'cronjob-controller', logger, workers: options.concurrentSyncs, reconcile })
    .watch(cronJobs, (cron) => [keyOf(cron)])
    .watch(jobs, (job) => [controllerKey(job, 'batch', 'CronJob')]);
}

function noteRun(cron: CronJob, runMs: number): void {
  cron.status = { ...cron.status, lastScheduleTime: nowSecond(new Date(runMs)) };
}

/** Runs before this time are not made up for. */
function earliestMs(cron: CronJob, nowMs: number): number {
  const last = Date.parse(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp);
  const deadline = cron.spec.startingDeadlineSeconds;
  return deadline === undefined ? last : Math.max(last, nowMs - deadline * 1000);
}

function finishedType(job: Job): string | undefined {
  return job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  )?.type;
}

function reference(job: V1Job): V1ObjectReference {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    namespace: job.metadata?.namespace,
    name: job.metadata?.name,
    uid: job.metadata?.uid,
    resourceVersion: job.metadata?.resourceVersion,
  };
}

/** RFC 3339 in a zone's own offset, as the annotation has it. */
function rfc3339In(timeMs: number, zone: string): string {
  const name = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    .formatToParts(timeMs)
    .find(({ type }) => type === 'timeZoneName')?.value;
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(name ?? '');
  if (!match) return nowSecond(new Date(timeMs));
  const [, sign, hours = '0', minutes = '0'] = match;
  const offsetMs = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  return `${new Date(timeMs + offsetMs).toISOString().slice(0, 19)}${sign}${hours}:${minutes}`;
}
