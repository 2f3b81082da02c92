import { horizontalPodAutoscalerColumns } from '../columns/groups.js';
import {
  hpaV1FromStorage,
  hpaV1ToStorage,
  hpaV2beta1FromStorage,
  hpaV2beta1ToStorage,
} from '../conversion/autoscaling.js';
import { converted, sameShape } from '../conversion/common.js';
import { setHorizontalPodAutoscalerDefaults } from '../defaults/groups.js';
import { defaultsOf, defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import { horizontalPodAutoscalerStrategy, plainStatusStrategy } from '../strategy/groups.js';

const autoscaling = { group: 'autoscaling', typesPackage: 'io.k8s.api.autoscaling' };
const warning = (version: string, since: string, gone: string): string =>
  `autoscaling/${version} HorizontalPodAutoscaler is deprecated in ${since}+, unavailable in ${gone}+; use autoscaling/v2 HorizontalPodAutoscaler`;

/** autoscaling: the horizontal pod autoscaler, stored as v2. */
export const autoscalingResources: ResourceEntry[] = [
  defineResource(autoscaling, {
    resource: 'horizontalpodautoscalers',
    kind: 'HorizontalPodAutoscaler',
    versions: [
      'v2',
      converted(autoscaling.typesPackage, 'v1', 'HorizontalPodAutoscaler', {
        toStorage: hpaV1ToStorage,
        fromStorage: hpaV1FromStorage,
      }),
      sameShape(autoscaling.typesPackage, 'v2beta2', 'HorizontalPodAutoscaler', {
        warning: warning('v2beta2', 'v1.23', 'v1.26'),
      }),
      converted(autoscaling.typesPackage, 'v2beta1', 'HorizontalPodAutoscaler', {
        toStorage: hpaV2beta1ToStorage,
        fromStorage: hpaV2beta1FromStorage,
        warning: warning('v2beta1', 'v1.22', 'v1.25'),
      }),
    ],
    shortNames: ['hpa'],
    categories: ['all'],
    allowUnconditionalUpdate: true,
    columns: horizontalPodAutoscalerColumns,
    strategy: horizontalPodAutoscalerStrategy,
    defaults: defaultsOf(setHorizontalPodAutoscalerDefaults),
    subresources: { status: statusOf('HorizontalPodAutoscaler', plainStatusStrategy) },
  }),
];
