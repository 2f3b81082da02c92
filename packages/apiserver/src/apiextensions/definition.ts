import type { KubeObject, Schema } from '@kubelab/apimachinery';

/** apiextensions.k8s.io/v1 CustomResourceDefinition, as far as this server reads it. */
export interface CustomResourceDefinition extends KubeObject {
  spec: {
    group: string;
    scope: string;
    names: CrdNames;
    versions: CrdVersion[];
    conversion?: { strategy?: string; webhook?: ConversionWebhook };
    preserveUnknownFields?: boolean;
  };
  status?: CrdStatus;
}

/** How objects are converted by a webhook (apiextensions.k8s.io/v1 WebhookConversion). */
export interface ConversionWebhook {
  clientConfig?: {
    url?: string;
    caBundle?: string;
    service?: { namespace?: string; name?: string; path?: string; port?: number };
  };
  conversionReviewVersions?: string[];
}

export interface CrdNames {
  plural: string;
  singular?: string;
  kind: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
}

export interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: Schema };
  subresources?: {
    status?: object;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  additionalPrinterColumns?: {
    name: string;
    type: string;
    format?: string;
    description?: string;
    priority?: number;
    jsonPath: string;
  }[];
  selectableFields?: { jsonPath: string }[];
}

export interface CrdCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime?: string;
}

export interface CrdStatus {
  conditions?: CrdCondition[];
  acceptedNames?: CrdNames;
  storedVersions?: string[];
}

export const crdResource = { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' };
/** Keeps a definition until its objects are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** The version that objects are stored in. Asked before validation too: then even the spec may be missing. */
export function storageVersionOf(crd: Partial<CustomResourceDefinition>): string {
  const spec = crd.spec as Partial<CustomResourceDefinition['spec']> | null | undefined;
  return spec?.versions?.find((v) => v.storage)?.name ?? '';
}

export function conditionOf(crd: CustomResourceDefinition, type: string): CrdCondition | undefined {
  return crd.status?.conditions?.find((c) => c.type === type);
}

export const isEstablished = (crd: CustomResourceDefinition): boolean =>
  conditionOf(crd, 'Established')?.status === 'True';
