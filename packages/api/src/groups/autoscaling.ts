import { defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const autoscaling = { group: 'autoscaling', typesPackage: 'io.k8s.api.autoscaling' };

/** autoscaling: the horizontal pod autoscaler, stored as v2. */
export const autoscalingResources: ResourceEntry[] = [
  defineResource(autoscaling, {
    resource: 'horizontalpodautoscalers',
    kind: 'HorizontalPodAutoscaler',
    versions: ['v2', 'v1'],
    shortNames: ['hpa'],
    categories: ['all'],
    subresources: { status: statusOf('HorizontalPodAutoscaler') },
  }),
];
