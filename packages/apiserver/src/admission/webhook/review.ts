import { randomUUID } from 'node:crypto';
import {
  applyJsonPatch,
  type KubeObject,
  newBadRequest,
  newInternalError,
  type Status,
  StatusError,
} from '@kubelab/apimachinery';
import { type AdmissionRule, versionFor } from '../matching.js';
import type { AdmissionAttributes } from '../plugin.js';
import type { WebhookClient } from './client.js';
import type { Webhook } from './configuration.js';

interface AdmissionResponse {
  uid?: string;
  allowed?: boolean;
  status?: Partial<Status>;
  patch?: string;
  patchType?: string;
  warnings?: string[];
  auditAnnotations?: Record<string, string>;
}

/** The webhook could not be asked, or its answer makes no sense: what failurePolicy is about. */
export class WebhookCallError extends Error {
  override name = 'WebhookCallError';
}

async function reviewOf(
  rule: AdmissionRule,
  a: AdmissionAttributes,
  apiVersion: string,
): Promise<{ review: object; uid: string }> {
  const uid = randomUUID();
  const version = versionFor(rule, a);
  const convert = async (o: KubeObject | undefined) => (o ? ((await a.convert?.(o, version)) ?? o) : null);
  const kind = { ...a.kind, version: a.subresource === '' ? version : a.kind.version };
  const request = {
    uid,
    kind,
    resource: { ...a.resource, version },
    ...(a.subresource ? { subResource: a.subresource } : {}),
    requestKind: a.kind,
    requestResource: a.resource,
    ...(a.subresource ? { requestSubResource: a.subresource } : {}),
    ...(a.name ? { name: a.name } : {}),
    ...(a.namespace ? { namespace: a.namespace } : {}),
    operation: a.operation,
    userInfo: {
      username: a.user.name,
      ...(a.user.uid ? { uid: a.user.uid } : {}),
      groups: a.user.groups,
      ...(a.user.extra ? { extra: a.user.extra } : {}),
    },
    object: a.operation === 'DELETE' ? null : await convert(a.object),
    oldObject: await convert(a.oldObject),
    dryRun: a.dryRun,
    options: a.options ?? null,
  };
  return { review: { kind: 'AdmissionReview', apiVersion, request }, uid };
}

function denial(w: Webhook, status: Partial<Status> | undefined): StatusError {
  const by = `admission webhook ${JSON.stringify(w.name)} denied the request`;
  const message = status?.message
    ? `${by}: ${status.message}`
    : status?.reason
      ? `${by}: ${status.reason}`
      : `${by} without explanation`;
  return new StatusError({
    ...(status?.reason ? { reason: status.reason } : {}),
    ...(status?.details ? { details: status.details } : {}),
    status: 'Failure',
    code: Math.max(status?.code ?? 0, 400),
    message,
  });
}

/**
 * Asks a webhook about a request.
 * @returns the patched object (in the storage version), or undefined when nothing was patched
 * @throws StatusError the webhook's denial; WebhookCallError when it can't be asked
 */
export async function callWebhook(
  client: WebhookClient,
  w: Webhook,
  rule: AdmissionRule,
  a: AdmissionAttributes,
  mutating: boolean,
): Promise<KubeObject | undefined> {
  if (a.dryRun && w.sideEffects !== 'None' && w.sideEffects !== 'NoneOnDryRun') {
    throw newBadRequest(`admission webhook ${JSON.stringify(w.name)} does not support dry run`);
  }
  const version = w.admissionReviewVersions.find((v) => v === 'v1' || v === 'v1beta1');
  if (!version) throw new WebhookCallError('webhook does not accept v1 or v1beta1 AdmissionReview');
  const apiVersion = `admission.k8s.io/${version}`;
  const { review, uid } = await reviewOf(rule, a, apiVersion);
  const response = await ask(client, w, review, uid, apiVersion);
  for (const warning of response.warnings ?? []) a.addWarning(warning);
  for (const [k, v] of Object.entries(response.auditAnnotations ?? {})) a.addAuditAnnotation(`${w.name}/${k}`, v);
  if (response.allowed !== true) throw denial(w, response.status);
  if (!mutating || !response.patch) return undefined;
  return patched(w, rule, a, response);
}

async function ask(
  client: WebhookClient,
  w: Webhook,
  review: object,
  uid: string,
  apiVersion: string,
): Promise<AdmissionResponse> {
  let answer: { apiVersion?: string; kind?: string; response?: AdmissionResponse };
  try {
    answer = (await client.post(w.clientConfig, review, w.timeoutSeconds * 1000)) as typeof answer;
  } catch (err) {
    throw new WebhookCallError(`failed to call webhook: ${(err as Error).message}`, { cause: err });
  }
  const response = answer?.response;
  if (!response) throw new WebhookCallError('received invalid webhook response: webhook response was absent');
  if (apiVersion === 'admission.k8s.io/v1') {
    if (answer.apiVersion !== apiVersion || answer.kind !== 'AdmissionReview') {
      throw new WebhookCallError(
        `received invalid webhook response: expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${answer.apiVersion ?? ''}, Kind=${answer.kind ?? ''}`,
      );
    }
    if (response.uid !== uid) {
      throw new WebhookCallError(
        `received invalid webhook response: expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`,
      );
    }
  }
  return response;
}

async function patched(
  w: Webhook,
  rule: AdmissionRule,
  a: AdmissionAttributes,
  response: AdmissionResponse,
): Promise<KubeObject> {
  if (response.patchType !== undefined && response.patchType !== 'JSONPatch') {
    throw new WebhookCallError(
      `received invalid webhook response: webhook returned invalid response.patchType of ${JSON.stringify(response.patchType)}`,
    );
  }
  if (!a.object)
    throw newInternalError(
      new Error(
        `admission webhook ${JSON.stringify(w.name)} attempted to modify the object, which is not supported for this operation`,
      ),
    );
  const version = versionFor(rule, a);
  const before = (await a.convert?.(a.object, version)) ?? a.object;
  let after: KubeObject;
  try {
    const operations: unknown = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString());
    after = applyJsonPatch(before, operations);
  } catch (err) {
    throw newInternalError(err);
  }
  const storage = a.object.apiVersion.split('/').pop() ?? '';
  return a.convert && storage !== version ? a.convert(after, storage) : after;
}
