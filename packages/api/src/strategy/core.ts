import { FieldPath } from '@kubelab/apimachinery';
import type {
  CoreV1Event,
  V1ConfigMap,
  V1Endpoints,
  V1LimitRange,
  V1Namespace,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1PodTemplate,
  V1ReplicationController,
  V1ResourceQuota,
  V1Secret,
  V1Service,
  V1ServiceAccount,
} from '../generated/types.js';
import {
  validateConfigMap,
  validateConfigMapUpdate,
  validateEvent,
  validateNamespace,
  validateNamespaceStatus,
  validateNode,
  validateNodeUpdate,
  validateSecret,
  validateSecretUpdate,
} from '../validation/core.js';
import { validateEndpoints } from '../validation/endpoints.js';
import { validatePodTemplateSpec } from '../validation/pod/podspec.js';
import { validateLimitRange, validateResourceQuota, validateResourceQuotaUpdate } from '../validation/quota.js';
import { validateService, validateServiceStatus, validateServiceUpdate } from '../validation/service.js';
import { serviceWarnings } from '../validation/service-warnings.js';
import {
  validatePersistentVolume,
  validatePersistentVolumeClaim,
  validatePersistentVolumeClaimUpdate,
  validatePersistentVolumeUpdate,
} from '../validation/volumes.js';
import { validateReplicaStatus, validateReplicationController } from '../validation/workloads.js';
import { emptyStatus, statusStrategyOf, strategyOf } from './common.js';
import { keepServiceAllocations } from './service.js';

export const configMapStrategy = strategyOf<V1ConfigMap>({
  validations: { create: validateConfigMap, update: validateConfigMapUpdate },
});

export const secretStrategy = strategyOf<V1Secret>({
  validations: { create: validateSecret, update: validateSecretUpdate },
  update(secret, old) {
    // A client that leaves the type out means the one it has.
    if (secret.type === undefined || secret.type === '') secret.type = old.type;
  },
});

/** Secrets of a service account are references only: anything but the name is dropped. */
export const serviceAccountStrategy = strategyOf<V1ServiceAccount>({});

export const limitRangeStrategy = strategyOf<V1LimitRange>({
  validations: { create: validateLimitRange },
  create(range) {
    if (range.metadata && !range.metadata.name && !range.metadata.generateName)
      range.metadata.name = newLimitRangeName();
  },
});

const newLimitRangeName = (): string => crypto.randomUUID();

export const resourceQuotaStrategy = strategyOf<V1ResourceQuota>({
  initialStatus: emptyStatus,
  validations: { create: validateResourceQuota, update: validateResourceQuotaUpdate },
});
export const resourceQuotaStatusStrategy = statusStrategyOf<V1ResourceQuota>();

export const podTemplateStrategy = strategyOf<V1PodTemplate>({
  generation: true,
  desired: ['template'],
  validations: {
    create(t) {
      const errors: ReturnType<typeof validateConfigMap> = [];
      validatePodTemplateSpec(t.template, FieldPath.of('template'), errors);
      return errors;
    },
  },
});

export const replicationControllerStrategy = strategyOf<V1ReplicationController>({
  initialStatus: () => ({ replicas: 0 }),
  generation: true,
  validations: { create: validateReplicationController },
});
export const replicaStatusStrategy = statusStrategyOf<V1ReplicationController>((rc) =>
  validateReplicaStatus(rc.status as Record<string, unknown> | undefined),
);

export const endpointsStrategy = strategyOf<V1Endpoints>({ validations: { create: validateEndpoints } });

export const serviceStrategy = strategyOf<V1Service>({
  initialStatus: () => ({ loadBalancer: {} }),
  validations: { create: validateService, update: validateServiceUpdate },
  update: keepServiceAllocations,
  warnings: serviceWarnings,
});
export const serviceStatusStrategy = statusStrategyOf<V1Service>(validateServiceStatus);

/** Namespaces hold the finalizer `kubernetes` in their spec until the namespace controller has emptied them. */
export const namespaceStrategy = strategyOf<V1Namespace>({
  initialStatus: () => ({ phase: 'Active' }),
  validations: { create: validateNamespace, update: () => [] },
  create(ns) {
    ns.spec ??= {};
    ns.spec.finalizers ??= [];
    if (!ns.spec.finalizers.includes('kubernetes')) ns.spec.finalizers.push('kubernetes');
    setNameLabel(ns);
  },
  update(ns, old) {
    ns.spec = old.spec;
    setNameLabel(ns);
  },
});
export const namespaceStatusStrategy = statusStrategyOf<V1Namespace>(validateNamespaceStatus);

/** The label by which selectors find a namespace by name; clients can't take it away. */
function setNameLabel(ns: V1Namespace): void {
  if (!ns.metadata?.name) return;
  ns.metadata.labels = { ...ns.metadata.labels, 'kubernetes.io/metadata.name': ns.metadata.name };
}

/** Nodes register with their status: it is kept at creation. */
export const nodeStrategy = strategyOf<V1Node>({
  validations: { create: validateNode, update: validateNodeUpdate },
  update(node, old) {
    if (old.status === undefined) delete node.status;
    else node.status = old.status;
  },
});
export const nodeStatusStrategy = statusStrategyOf<V1Node>((node) => validateNode(node));

export const persistentVolumeClaimStrategy = strategyOf<V1PersistentVolumeClaim>({
  initialStatus: () => ({ phase: 'Pending' }),
  validations: { create: validatePersistentVolumeClaim, update: validatePersistentVolumeClaimUpdate },
});
export const persistentVolumeStrategy = strategyOf<V1PersistentVolume>({
  initialStatus: () => ({ phase: 'Pending' }),
  validations: { create: validatePersistentVolume, update: validatePersistentVolumeUpdate },
});
export const plainStatusStrategy = statusStrategyOf<object>();

export const eventStrategy = strategyOf<CoreV1Event>({ validations: { create: validateEvent } });
