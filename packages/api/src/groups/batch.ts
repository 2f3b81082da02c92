import { cronJobColumns, jobColumns } from '../columns/workloads.js';
import { sameShape } from '../conversion/common.js';
import { setCronJobDefaults, setJobDefaults } from '../defaults/workloads.js';
import { defaultsOf, defineResource, statusOf } from '../define.js';
import { text } from '../fields.js';
import type { ResourceEntry } from '../resource.js';
import { batchStatusStrategy, cronJobStrategy, jobStrategy } from '../strategy/workloads.js';

const batch = { group: 'batch', typesPackage: 'io.k8s.api.batch' };

/** batch: jobs and cron jobs. */
export const batchResources: ResourceEntry[] = [
  defineResource(batch, {
    resource: 'cronjobs',
    kind: 'CronJob',
    versions: [
      'v1',
      sameShape('io.k8s.api.batch', 'v1beta1', 'CronJob', {
        warning: 'batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob',
      }),
    ],
    shortNames: ['cj'],
    categories: ['all'],
    allowUnconditionalUpdate: true,
    columns: cronJobColumns,
    strategy: cronJobStrategy,
    defaults: defaultsOf(setCronJobDefaults),
    subresources: { status: statusOf('CronJob', batchStatusStrategy) },
  }),
  defineResource(batch, {
    resource: 'jobs',
    kind: 'Job',
    versions: ['v1'],
    categories: ['all'],
    allowUnconditionalUpdate: true,
    columns: jobColumns,
    strategy: jobStrategy,
    defaults: defaultsOf(setJobDefaults),
    selectableFields: { 'status.successful': text('status.succeeded', '0') },
    subresources: { status: statusOf('Job', batchStatusStrategy) },
    defaultGarbageCollection: 'orphan',
  }),
];
