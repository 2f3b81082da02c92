import { randomUUID } from 'node:crypto';
import { type KubeObject, newInternalError } from '@kubelab/apimachinery';
import type { WebhookClient } from '../admission/index.js';
import type { CustomResourceDefinition } from './definition.js';

/** Posts JSON to a webhook. */
export type WebhookPoster = Pick<WebhookClient, 'post'>;

interface ConversionResponse {
  response?: {
    uid?: string;
    convertedObjects?: KubeObject[];
    result?: { status?: string; message?: string };
  };
}

const TIMEOUT_MS = 30_000;

/**
 * Converts objects of a definition by its webhook (apiextensions.k8s.io/v1 ConversionReview). Objects that are in the
 * wanted version are left alone; of the metadata only labels and annotations may change.
 * @throws StatusError InternalError, as Kubernetes words it
 */
export async function convertByWebhook(
  crd: CustomResourceDefinition,
  poster: WebhookPoster,
  objects: KubeObject[],
  version: string,
): Promise<KubeObject[]> {
  const desiredAPIVersion = `${crd.spec.group}/${version}`;
  const others = objects.filter((o) => o.apiVersion !== desiredAPIVersion);
  const [first] = others;
  if (!first) return objects;
  const fail = (text: string): Error =>
    newInternalError(
      new Error(`conversion webhook for ${first.apiVersion}, Kind=${crd.spec.names.kind} failed: ${text}`),
    );
  const { webhook } = crd.spec.conversion ?? {};
  const reviewVersion = webhook?.conversionReviewVersions?.find((v) => v === 'v1' || v === 'v1beta1') ?? 'v1';
  const uid = randomUUID();
  const review = {
    apiVersion: `apiextensions.k8s.io/${reviewVersion}`,
    kind: 'ConversionReview',
    request: { uid, desiredAPIVersion, objects: others },
  };
  const { service, ...config } = webhook?.clientConfig ?? {};
  const clientConfig = {
    ...config,
    ...(service ? { service: { ...service, name: service.name ?? '', namespace: service.namespace ?? '' } } : {}),
  };
  let answer: ConversionResponse;
  try {
    answer = (await poster.post(clientConfig, review, TIMEOUT_MS)) as ConversionResponse;
  } catch (error) {
    throw fail((error as Error).message);
  }
  const { response } = answer ?? {};
  if (response?.result?.status !== 'Success') throw fail(response?.result?.message ?? 'the webhook gave no success');
  if (response.uid !== uid) throw fail(`expected response.uid="${uid}", got "${response.uid ?? ''}"`);
  const converted = response.convertedObjects ?? [];
  if (converted.length !== others.length) {
    throw fail(`webhook returned ${converted.length} objects, expected ${others.length}`);
  }
  const byObject = new Map<KubeObject, KubeObject>();
  for (const [i, before] of others.entries())
    byObject.set(before, checked(before, converted[i], desiredAPIVersion, fail));
  return objects.map((o) => byObject.get(o) ?? o);
}

function checked(
  before: KubeObject,
  after: KubeObject | undefined,
  apiVersion: string,
  fail: (text: string) => Error,
): KubeObject {
  if (typeof after !== 'object' || after === null) throw fail('invalid converted object: no object');
  if (after.apiVersion !== apiVersion) {
    throw fail(
      `invalid converted object at index 0: invalid groupVersion (expected ${apiVersion}, received ${after.apiVersion})`,
    );
  }
  if (after.kind !== before.kind) {
    throw fail(`invalid converted object at index 0: invalid kind (expected ${before.kind}, received ${after.kind})`);
  }
  const { labels, annotations } = after.metadata ?? {};
  const { labels: _labels, annotations: _annotations, ...kept } = before.metadata;
  return {
    ...after,
    metadata: { ...kept, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
  };
}
