import type { GroupVersionKind, GroupVersionResource, KubeObject } from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/authenticator.js';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/**
 * One request as admission sees it. Objects are in the storage version and defaulted. `object` is a private copy
 * that mutating plugins change in place or replace; `oldObject` is shared and never changed.
 */
export interface AdmissionAttributes {
  readonly operation: AdmissionOperation;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  /** Empty for the main resource. */
  readonly subresource: string;
  readonly namespace: string;
  /** Empty while a generateName is not resolved. */
  readonly name: string;
  /** Absent for DELETE. For CONNECT the options object (PodExecOptions). */
  object?: KubeObject;
  /** Present for UPDATE and DELETE. */
  readonly oldObject?: KubeObject;
  /** CreateOptions, UpdateOptions, DeleteOptions, PatchOptions as the client gave them. */
  readonly options?: KubeObject;
  readonly dryRun: boolean;
  readonly user: UserInfo;
  /** Sends a Warning header to the client. */
  addWarning(text: string): void;
  /** Notes something in the request's audit event. */
  addAuditAnnotation(key: string, value: string): void;
  /** Converts an object of the resource between its versions (webhooks see the version they ask for). */
  convert?(obj: KubeObject, version: string): KubeObject | Promise<KubeObject>;
}

/**
 * An admission plugin, named as Kubernetes' flag names it. Refusals are StatusErrors (most often Forbidden).
 * Plugins are asked in the chain's fixed order: every `mutate` first, then every `validate`.
 */
export interface AdmissionPlugin {
  readonly name: string;
  /** Whether the plugin has anything to do with such operations; asked at each request, so it must be cheap. */
  handles(operation: AdmissionOperation): boolean;
  /** Begins to follow what the plugin needs to know; resolves when it knows what exists. The result ends it. */
  start?(): Promise<() => void>;
  mutate?(a: AdmissionAttributes): void | Promise<void>;
  validate?(a: AdmissionAttributes): void | Promise<void>;
}
