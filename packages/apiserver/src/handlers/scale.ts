import type { SubresourceEntry } from '@kubelab/api';
import {
  applyJsonPatch,
  applyMergePatch,
  FieldPath,
  field,
  formatLabelSelector,
  type KubeObject,
  type LabelSelector,
  newInvalid,
  newNotFound,
  newUnsupportedMediaType,
} from '@kubelab/apimachinery';
import { groupResource } from '../registry/store-errors.js';
import { privateCopy } from './admit.js';
import { mediaTypeOf, parseBody, parseJson, readBody } from './body.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { decodeObject } from './decode.js';
import { sendKubeObject } from './represent.js';
import { updateRequestBase } from './update.js';
import { dryRunOf } from './write-options.js';

type ScalePaths = NonNullable<SubresourceEntry['scale']>;
const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** GET, PUT and PATCH of the scale subresource: the replica count of any workload in one form (autoscaling/v1 Scale). */
export async function scaleHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { entry, info, req } = ctx;
  const paths = ctx.subresource?.scale as ScalePaths;
  if (info.verb === 'get') {
    const item = await env.reader.get(entry, info.namespace, info.name, info.query.get('resourceVersion') || undefined);
    if (!item) {
      throw newNotFound(groupResource(entry), info.name);
    }
    await sendKubeObject(ctx, 200, scaleOf(item.object, paths));
    return;
  }
  const dryRun = dryRunOf(info.query.getAll('dryRun'));
  const type = mediaTypeOf(req);
  if (info.verb === 'patch' && !patchTypes.includes(type)) {
    throw newUnsupportedMediaType(patchTypes);
  }
  const body = await readBody(req);
  const change = info.verb === 'update' ? () => parseBody(req, body) : patchWith(type, parseJson(body));
  const { item } = await env.writer.update(entry, {
    ...updateRequestBase(env, ctx, dryRun),
    subresource: undefined,
    transform: (current) => {
      const scale = decodeObject(ctx, change(scaleOf(current.object, paths)), scaleKind);
      const replicas = (scale.spec as { replicas?: number } | undefined)?.replicas ?? 0;
      validateReplicas(info.name, replicas);
      const object = privateCopy(current.object);
      setPath(object, paths.specReplicasPath, replicas);
      const { resourceVersion, uid } = scale.metadata;
      object.metadata.resourceVersion = resourceVersion || object.metadata.resourceVersion;
      object.metadata.uid = uid || object.metadata.uid;
      return object;
    },
  });
  await sendKubeObject(ctx, 200, scaleOf(item.object, paths));
}

function patchWith(type: string, patch: unknown): (scale: KubeObject) => unknown {
  return (scale) =>
    type === 'application/json-patch+json' ? applyJsonPatch(scale, patch) : applyMergePatch(scale, patch);
}

function validateReplicas(name: string, replicas: unknown): void {
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    throw newInvalid({ group: scaleKind.group, kind: scaleKind.kind }, name, [
      field.invalid(FieldPath.of('spec', 'replicas'), replicas, 'must be greater than or equal to 0'),
    ]);
  }
}

/** The Scale of an object. */
export function scaleOf(object: KubeObject, paths: ScalePaths): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberAt(object, paths.specReplicasPath) },
    status: {
      replicas: numberAt(object, paths.statusReplicasPath),
      ...selectorAt(object, paths.labelSelectorPath),
    },
  };
}

function selectorAt(object: KubeObject, path: string | undefined): { selector?: string } {
  const value = path ? getPath(object, path) : undefined;
  if (typeof value === 'string') {
    return { selector: value };
  }
  if (typeof value !== 'object' || value === null) {
    return {};
  }
  // A ReplicationController's selector is a plain map.
  const isLabelSelector = 'matchLabels' in value || 'matchExpressions' in value;
  const selector = isLabelSelector ? (value as LabelSelector) : { matchLabels: value as Record<string, string> };
  return { selector: formatLabelSelector(selector) };
}

function numberAt(object: KubeObject, path: string): number {
  const value = getPath(object, path);
  return typeof value === 'number' ? value : 0;
}

function getPath(object: KubeObject, path: string): unknown {
  let value: unknown = object;
  for (const name of path.split('.').filter(Boolean)) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }
  return value;
}

function setPath(object: KubeObject, path: string, value: unknown): void {
  const names = path.split('.').filter(Boolean);
  const last = names.pop() as string;
  let place = object as Record<string, unknown>;
  for (const name of names) {
    place[name] ??= {};
    place = place[name] as Record<string, unknown>;
  }
  place[last] = value;
}
