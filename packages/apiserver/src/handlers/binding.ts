import {
  FieldPath,
  field,
  type KubeObject,
  newBadRequest,
  newConflict,
  newInvalid,
  nowSecond,
} from '@kubelab/apimachinery';
import { privateCopy, runMutating, runValidating } from './admit.js';
import { parseBody, readBody } from './body.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { strategyContext } from './create.js';
import { checkNames, decodeObject } from './decode.js';
import { sendAnswer } from './represent.js';
import { dryRunOf } from './write-options.js';

interface BindingTarget {
  kind?: string;
  name?: string;
}

interface PodParts {
  spec: { nodeName?: string; schedulingGates?: unknown[] };
  status: { conditions?: { type: string; status: string; lastProbeTime?: null; lastTransitionTime?: string }[] };
}

/**
 * POST of pods/NAME/binding: puts a pod on a node, once (registry/core/pod/storage, BindingREST).
 * @throws StatusError Conflict when the pod has a node or is being deleted
 */
export async function bindingHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info, entry, req } = ctx;
  const dryRun = dryRunOf(info.query.getAll('dryRun'));
  const binding = decodeObject(ctx, parseBody(req, await readBody(req)), { group: '', version: 'v1', kind: 'Binding' });
  checkNames(ctx, binding, true);
  const target = binding.target as BindingTarget | undefined;
  validateTarget(info.name, target);
  const node = target?.name as string;
  await runValidating(
    env,
    ctx,
    'CREATE',
    await runMutating(env, ctx, 'CREATE', binding, undefined, dryRun),
    undefined,
    dryRun,
  );
  await env.writer.update(entry, {
    namespace: info.namespace,
    name: info.name,
    dryRun,
    raw: true,
    context: strategyContext(ctx),
    transform: (current) => assign(ctx, privateCopy(current.object), binding, node),
  });
  await sendAnswer(ctx, 201, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    code: 201,
  });
}

function assign(ctx: RequestContext, pod: KubeObject, binding: KubeObject, node: string): KubeObject {
  const gr = { group: '', resource: 'pods/binding' };
  const { spec, status } = pod as unknown as PodParts;
  const { uid, resourceVersion, annotations } = binding.metadata;
  if (uid && uid !== pod.metadata.uid) {
    const message = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`;
    throw newConflict(gr, ctx.info.name, message);
  }
  if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion) {
    const message = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion}`;
    throw newConflict(gr, ctx.info.name, message);
  }
  if (pod.metadata.deletionTimestamp) {
    throw newConflict(gr, ctx.info.name, `pod ${ctx.info.name} is being deleted, cannot be assigned to a host`);
  }
  if (spec.nodeName) {
    throw newConflict(
      gr,
      ctx.info.name,
      `pod ${ctx.info.name} is already assigned to node ${JSON.stringify(spec.nodeName)}`,
    );
  }
  if ((spec.schedulingGates ?? []).length > 0) {
    throw newConflict(gr, ctx.info.name, `pod ${ctx.info.name} has non-empty .spec.schedulingGates`);
  }
  spec.nodeName = node;
  if (annotations) {
    pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  }
  const others = (status.conditions ?? []).filter((condition) => condition.type !== 'PodScheduled');
  status.conditions = [
    ...others,
    { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: nowSecond() },
  ];
  return pod;
}

function validateTarget(name: string, target: BindingTarget | undefined): void {
  if (target !== undefined && (typeof target !== 'object' || target === null)) {
    throw newBadRequest('Binding in version "v1" cannot be handled as a Binding: target must be an object');
  }
  const path = FieldPath.of('target');
  const errors = [];
  if (target?.kind && target.kind !== 'Node') {
    errors.push(field.notSupported(path.child('kind'), target.kind, ['Node', '<empty>']));
  }
  if (!target?.name || typeof target.name !== 'string') {
    errors.push(field.required(path.child('name'), ''));
  }
  if (errors.length > 0) {
    throw newInvalid({ group: '', kind: 'Binding' }, name, errors);
  }
}
