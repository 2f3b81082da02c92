import { defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const batch = { group: 'batch', typesPackage: 'io.k8s.api.batch' };

/** batch: jobs and cron jobs. */
export const batchResources: ResourceEntry[] = [
  defineResource(batch, {
    resource: 'cronjobs',
    kind: 'CronJob',
    versions: ['v1'],
    shortNames: ['cj'],
    categories: ['all'],
    subresources: { status: statusOf('CronJob') },
  }),
  defineResource(batch, {
    resource: 'jobs',
    kind: 'Job',
    versions: ['v1'],
    categories: ['all'],
    subresources: { status: statusOf('Job') },
    defaultGarbageCollection: 'orphan',
  }),
];
