import { humanDuration, parseTime } from '@kubelab/apimachinery';
import type {
  V1ControllerRevision,
  V1CronJob,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1PodTemplate,
  V1PodTemplateSpec,
  V1ReplicaSet,
  V1ReplicationController,
  V1StatefulSet,
} from '../generated/types.js';
import type { Column } from '../resource.js';
import { AGE, column, containersAndImages, integer, labelsText, NAME, selectorText, since, wide } from './common.js';

interface Templated {
  spec?: { template?: V1PodTemplateSpec };
}

const containers = <T extends Templated>(): Column =>
  wide<T>(
    'Containers',
    'Names of each container in the template.',
    (o) => containersAndImages(o.spec?.template?.spec?.containers).names,
  );
const images = <T extends Templated>(): Column =>
  wide<T>(
    'Images',
    'Images referenced by each container in the template.',
    (o) => containersAndImages(o.spec?.template?.spec?.containers).images,
  );
const selector = <T extends { spec?: { selector?: Parameters<typeof selectorText>[0] } }>(): Column =>
  wide<T>('Selector', 'Label selector of the pods.', (o) => selectorText(o.spec?.selector));

/** Columns of deployments. */
export const deploymentColumns: Column[] = [
  NAME,
  column<V1Deployment>(
    'Ready',
    'Number of the pod with ready state',
    (d) => `${d.status?.readyReplicas ?? 0}/${d.spec?.replicas ?? 0}`,
  ),
  integer<V1Deployment>(
    'Up-to-date',
    'Total number of non-terminated pods targeted by this deployment that have the desired template spec.',
    (d) => d.status?.updatedReplicas ?? 0,
  ),
  integer<V1Deployment>(
    'Available',
    'Total number of available pods (ready for at least minReadySeconds) targeted by this deployment.',
    (d) => d.status?.availableReplicas ?? 0,
  ),
  AGE,
  containers<V1Deployment>(),
  images<V1Deployment>(),
  selector<V1Deployment>(),
];

/** Columns of replica sets. */
export const replicaSetColumns: Column[] = [
  NAME,
  integer<V1ReplicaSet>('Desired', 'Replicas is the number of desired pods.', (r) => r.spec?.replicas ?? 0),
  integer<V1ReplicaSet>(
    'Current',
    'Replicas is the most recently observed number of pods.',
    (r) => r.status?.replicas ?? 0,
  ),
  integer<V1ReplicaSet>('Ready', 'The number of ready pods.', (r) => r.status?.readyReplicas ?? 0),
  AGE,
  containers<V1ReplicaSet>(),
  images<V1ReplicaSet>(),
  selector<V1ReplicaSet>(),
];

/** Columns of replication controllers. */
export const replicationControllerColumns: Column[] = [
  NAME,
  integer<V1ReplicationController>(
    'Desired',
    'Replicas is the number of desired replicas.',
    (r) => r.spec?.replicas ?? 0,
  ),
  integer<V1ReplicationController>(
    'Current',
    'Replicas is the most recently observed number of replicas.',
    (r) => r.status?.replicas ?? 0,
  ),
  integer<V1ReplicationController>('Ready', 'The number of ready replicas.', (r) => r.status?.readyReplicas ?? 0),
  AGE,
  containers<V1ReplicationController>(),
  images<V1ReplicationController>(),
  wide<V1ReplicationController>('Selector', 'Label selector of the pods.', (r) => labelsText(r.spec?.selector)),
];

/** Columns of daemon sets. */
export const daemonSetColumns: Column[] = [
  NAME,
  integer<V1DaemonSet>(
    'Desired',
    'The total number of nodes that should be running the daemon pod.',
    (d) => d.status?.desiredNumberScheduled ?? 0,
  ),
  integer<V1DaemonSet>(
    'Current',
    'The number of nodes that are running at least one daemon pod and are supposed to.',
    (d) => d.status?.currentNumberScheduled ?? 0,
  ),
  integer<V1DaemonSet>(
    'Ready',
    'The number of nodes that should be running the daemon pod and have one or more running and ready.',
    (d) => d.status?.numberReady ?? 0,
  ),
  integer<V1DaemonSet>(
    'Up-to-date',
    'The total number of nodes that are running an updated daemon pod.',
    (d) => d.status?.updatedNumberScheduled ?? 0,
  ),
  integer<V1DaemonSet>(
    'Available',
    'The number of nodes that should be running the daemon pod and have one or more available.',
    (d) => d.status?.numberAvailable ?? 0,
  ),
  column<V1DaemonSet>('Node Selector', 'Selector that must match a node for the pod to be scheduled there.', (d) =>
    labelsText(d.spec?.template?.spec?.nodeSelector),
  ),
  AGE,
  containers<V1DaemonSet>(),
  images<V1DaemonSet>(),
  selector<V1DaemonSet>(),
];

/** Columns of stateful sets. */
export const statefulSetColumns: Column[] = [
  NAME,
  column<V1StatefulSet>(
    'Ready',
    'Number of the pod with ready state',
    (s) => `${s.status?.readyReplicas ?? 0}/${s.spec?.replicas ?? 0}`,
  ),
  AGE,
  containers<V1StatefulSet>(),
  images<V1StatefulSet>(),
];

function jobStatus(job: V1Job): string {
  const is = (type: string): boolean =>
    (job.status?.conditions ?? []).some((c) => c.type === type && c.status === 'True');
  if (is('Complete')) return 'Complete';
  if (is('Failed')) return 'Failed';
  if (job.metadata?.deletionTimestamp) return 'Terminating';
  if (is('Suspended')) return 'Suspended';
  if (is('FailureTarget')) return 'FailureTarget';
  if (is('SuccessCriteriaMet')) return 'SuccessCriteriaMet';
  return 'Running';
}

function jobCompletions(job: V1Job): string {
  const done = job.status?.succeeded ?? 0;
  if (job.spec?.completions !== undefined) return `${done}/${job.spec.completions}`;
  const parallelism = job.spec?.parallelism ?? 0;
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}

function jobDuration(job: V1Job): string {
  const start = parseTime(job.status?.startTime);
  if (start === undefined) return '';
  const end = parseTime(job.status?.completionTime) ?? Date.now();
  return humanDuration(end - start);
}

/** Columns of jobs. */
export const jobColumns: Column[] = [
  NAME,
  column<V1Job>('Status', 'Status of the job.', jobStatus),
  column<V1Job>(
    'Completions',
    'Completions is the number of pods that have ended well, of those wanted.',
    jobCompletions,
  ),
  column<V1Job>('Duration', 'Time required to complete the job.', jobDuration),
  AGE,
  containers<V1Job>(),
  images<V1Job>(),
  selector<V1Job>(),
];

/** Columns of cron jobs. */
export const cronJobColumns: Column[] = [
  NAME,
  column<V1CronJob>('Schedule', 'The schedule in Cron format.', (c) => c.spec?.schedule),
  column<V1CronJob>('Timezone', 'The time zone for the given schedule.', (c) => c.spec?.timeZone ?? '<none>'),
  column<V1CronJob>('Suspend', 'Whether later executions are suspended.', (c) =>
    c.spec?.suspend === undefined ? '<unset>' : c.spec.suspend ? 'True' : 'False',
  ),
  integer<V1CronJob>('Active', 'Number of running jobs.', (c) => (c.status?.active ?? []).length),
  column<V1CronJob>('Last Schedule', 'When a job was last scheduled.', (c) =>
    c.status?.lastScheduleTime ? since(c.status.lastScheduleTime) : '<none>',
  ),
  AGE,
  wide<V1CronJob>(
    'Containers',
    'Names of each container in the template.',
    (c) => containersAndImages(c.spec?.jobTemplate?.spec?.template?.spec?.containers).names,
  ),
  wide<V1CronJob>(
    'Images',
    'Images referenced by each container in the template.',
    (c) => containersAndImages(c.spec?.jobTemplate?.spec?.template?.spec?.containers).images,
  ),
  wide<V1CronJob>('Selector', "Label selector of the jobs' pods.", (c) =>
    selectorText(c.spec?.jobTemplate?.spec?.selector),
  ),
];

/** Columns of controller revisions. */
export const controllerRevisionColumns: Column[] = [
  NAME,
  column<V1ControllerRevision>('Controller', 'Controller of the object', (r) => {
    const owner = r.metadata?.ownerReferences?.find((o) => o.controller);
    if (!owner) return '<none>';
    const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
    return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
  }),
  integer<V1ControllerRevision>(
    'Revision',
    'Revision indicates the revision of the state represented by Data.',
    (r) => r.revision,
  ),
  AGE,
];

/** Columns of pod templates. */
export const podTemplateColumns: Column[] = [
  NAME,
  column<V1PodTemplate>(
    'Containers',
    'Names of each container in the template.',
    (t) => containersAndImages(t.template?.spec?.containers).names,
  ),
  column<V1PodTemplate>(
    'Images',
    'Images referenced by each container in the template.',
    (t) => containersAndImages(t.template?.spec?.containers).images,
  ),
  column<V1PodTemplate>('Pod Labels', 'The labels for the pod template.', (t) =>
    labelsText(t.template?.metadata?.labels),
  ),
];
