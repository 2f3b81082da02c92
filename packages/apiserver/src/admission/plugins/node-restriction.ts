import type { V1PodSpec } from '@kubelab/api';
import { deepCopy, deepEqual, type KubeObject, newNotFound, semanticEqual } from '@kubelab/apimachinery';
import { nodeNameOf } from '../../authorization/node-identity.js';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { allContainers, only, podSpec } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';
import { forbiddenLabels, modifiedLabels } from './node-labels.js';

const pods = { group: '', resource: 'pods' };
const quote = (s: string) => JSON.stringify(s);

/** Keeps a kubelet to its own Node, Lease and CSINode, and to the pods that are bound to it. */
export class NodeRestriction implements AdmissionPlugin {
  readonly name = 'NodeRestriction';
  readonly handles = only('CREATE', 'UPDATE', 'DELETE');

  constructor(private readonly objects: ObjectAccess) {}

  validate(a: AdmissionAttributes): void | Promise<void> {
    const node = nodeNameOf(a.user);
    if (node === undefined) {
      if (a.user.groups.includes('system:nodes') && a.user.name.startsWith('system:node:')) {
        throw admissionForbidden(a, `could not determine node from user ${quote(a.user.name)}`);
      }
      return;
    }
    switch (`${a.resource.group}/${a.resource.resource}`) {
      case '/pods':
        return this.pod(node, a);
      case '/nodes':
        return this.node(node, a);
      case '/persistentvolumeclaims':
        return this.claim(node, a);
      case '/serviceaccounts':
        return this.token(node, a);
      case 'coordination.k8s.io/leases':
        return this.named(node, a, 'lease');
      case 'storage.k8s.io/csinodes':
        return this.named(node, a, 'CSINode');
      default:
        return;
    }
  }

  private pod(node: string, a: AdmissionAttributes): void | Promise<void> {
    if (a.subresource === '') {
      if (a.operation === 'CREATE') return this.podCreate(node, a);
      if (a.operation === 'DELETE') {
        return this.ownPod(
          node,
          a,
          a.name,
          `node ${quote(node)} can only delete pods with spec.nodeName set to itself`,
        );
      }
      throw admissionForbidden(
        a,
        `unexpected operation ${quote(a.operation)}, node ${quote(node)} can only create and delete mirror pods`,
      );
    }
    if (a.subresource === 'status') return this.podStatus(node, a);
    if (a.subresource === 'eviction') {
      const name = a.name || a.object?.metadata.name || '';
      return this.ownPod(node, a, name, `node ${node} can only evict pods with spec.nodeName set to itself`);
    }
    throw admissionForbidden(
      a,
      `unexpected pod subresource ${quote(a.subresource)}, only 'status' and 'eviction' are allowed`,
    );
  }

  private async podCreate(node: string, a: AdmissionAttributes): Promise<void> {
    const pod = a.object as KubeObject;
    const spec = podSpec(pod);
    const fail = (message: string) => admissionForbidden(a, `node ${quote(node)} ${message}`);
    if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined) {
      throw admissionForbidden(
        a,
        `pod does not have "kubernetes.io/config.mirror" annotation, node ${quote(node)} can only create mirror pods`,
      );
    }
    if (spec.nodeName !== node) throw fail('can only create pods with spec.nodeName set to itself');
    const owners = pod.metadata.ownerReferences ?? [];
    if (owners.length > 1) throw fail('can only create pods with a single owner reference set to itself');
    const owner = owners[0];
    if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
      throw fail('can only create pods with an owner reference set to itself');
    }
    if (!owner.controller) throw fail('can only create pods with a controller owner reference set to itself');
    if (owner.blockOwnerDeletion) throw fail('must not set blockOwnerDeletion on an owner reference');
    const found = await this.objects.get({ group: '', resource: 'nodes' }, '', node);
    if (!found) throw newNotFound({ group: '', resource: 'nodes' }, node);
    if (owner.uid !== found.metadata.uid) {
      throw admissionForbidden(a, `node ${node} UID mismatch: expected ${owner.uid} got ${found.metadata.uid}`);
    }
    refuseReferences(spec, (what) => fail(`can not create pods that reference ${what}`));
  }

  private podStatus(node: string, a: AdmissionAttributes): void {
    if (a.operation !== 'UPDATE') throw admissionForbidden(a, `unexpected operation ${quote(a.operation)}`);
    const old = a.oldObject as KubeObject;
    if (podSpec(old).nodeName !== node) {
      throw admissionForbidden(
        a,
        `node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`,
      );
    }
    if (!deepEqual(old.metadata.labels ?? {}, a.object?.metadata.labels ?? {})) {
      throw admissionForbidden(a, `node ${quote(node)} cannot update labels through pod status`);
    }
  }

  private async ownPod(node: string, a: AdmissionAttributes, name: string, message: string): Promise<void> {
    const pod =
      (await this.objects.get(pods, a.namespace, name)) ??
      (await this.objects.get(pods, a.namespace, name, { consistent: true }));
    if (!pod) throw newNotFound(pods, name);
    if (podSpec(pod).nodeName !== node) throw admissionForbidden(a, message);
  }

  private node(node: string, a: AdmissionAttributes): void {
    const name = a.operation === 'CREATE' ? a.name || a.object?.metadata.name || '' : a.name;
    if (name !== node) throw admissionForbidden(a, `node ${quote(node)} is not allowed to modify node ${quote(name)}`);
    if (a.operation === 'DELETE') {
      throw admissionForbidden(a, `node ${quote(node)} is not allowed to delete node ${quote(name)}`);
    }
    const now = a.object as KubeObject;
    const old = a.operation === 'UPDATE' ? a.oldObject : undefined;
    if (old && !semanticEqual(taints(old), taints(now))) {
      throw admissionForbidden(a, `node ${quote(node)} is not allowed to modify taints`);
    }
    const bad = forbiddenLabels(modifiedLabels(now.metadata.labels, old?.metadata.labels), old === undefined);
    if (bad.length > 0) {
      throw admissionForbidden(
        a,
        `is not allowed to ${old ? 'modify' : 'set the following'} labels: ${bad.join(', ')}`,
      );
    }
    if (old && !semanticEqual(now.metadata.ownerReferences, old.metadata.ownerReferences)) {
      throw admissionForbidden(a, `node ${quote(node)} is not allowed to modify ownerReferences`);
    }
  }

  private claim(node: string, a: AdmissionAttributes): void {
    if (a.subresource !== 'status') throw admissionForbidden(a, 'may only update PVC status');
    if (a.operation !== 'UPDATE') throw admissionForbidden(a, `unexpected operation ${quote(a.operation)}`);
    if (!semanticEqual(withoutNodeFields(a.oldObject as KubeObject), withoutNodeFields(a.object as KubeObject))) {
      throw admissionForbidden(
        a,
        `node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions`,
      );
    }
  }

  private async token(node: string, a: AdmissionAttributes): Promise<void> {
    if (a.operation !== 'CREATE' || a.subresource !== 'token') return;
    const ref = (
      a.object?.spec as
        | { boundObjectRef?: { kind?: string; name?: string; uid?: string; apiVersion?: string } }
        | undefined
    )?.boundObjectRef;
    if (!ref || (ref.apiVersion ?? 'v1') !== 'v1' || ref.kind !== 'Pod')
      throw admissionForbidden(a, 'node requested token not bound to a pod');
    if (!ref.uid) throw admissionForbidden(a, 'node requested token with a pod binding without a uid');
    const pod = await this.objects.get(pods, a.namespace, ref.name ?? '');
    if (!pod) throw newNotFound(pods, ref.name ?? '');
    if (ref.uid !== pod.metadata.uid) {
      throw admissionForbidden(
        a,
        `the UID in the bound object reference (${ref.uid}) does not match the UID in record (${pod.metadata.uid}). The object might have been deleted and then recreated`,
      );
    }
    if (podSpec(pod).nodeName !== node)
      throw admissionForbidden(a, 'node requested token bound to a pod scheduled on a different node');
  }

  private named(node: string, a: AdmissionAttributes, kind: 'lease' | 'CSINode'): void {
    if (kind === 'lease' && a.namespace !== 'kube-node-lease') {
      throw admissionForbidden(a, 'can only access leases in the "kube-node-lease" system namespace');
    }
    const name = a.operation === 'CREATE' ? (a.object?.metadata.name ?? a.name) : a.name;
    if (name !== node) {
      throw admissionForbidden(
        a,
        kind === 'lease'
          ? 'can only access node lease with the same name as the requesting node'
          : 'can only access CSINode with the same name as the requesting node',
      );
    }
  }
}

const taints = (n: KubeObject) => (n.spec as { taints?: unknown[] } | undefined)?.taints;

function withoutNodeFields(claim: KubeObject): unknown {
  const c = deepCopy(claim);
  delete c.metadata.resourceVersion;
  delete c.metadata.managedFields;
  const status = c.status as Record<string, unknown> | undefined;
  if (status)
    for (const f of ['capacity', 'conditions', 'allocatedResources', 'allocatedResourceStatuses']) delete status[f];
  return c;
}

/** A mirror pod may name no other object: the Node authorizer would let its node read that object. */
function refuseReferences(spec: V1PodSpec, fail: (what: string) => Error): void {
  if (spec.serviceAccountName) throw fail('a service account');
  const containers = allContainers(spec);
  const volumes = spec.volumes ?? [];
  const secrets =
    (spec.imagePullSecrets ?? []).length > 0 ||
    volumes.some((v) => v.secret || v.projected?.sources?.some((s) => s.secret)) ||
    containers.some((c) => c.env?.some((e) => e.valueFrom?.secretKeyRef) || c.envFrom?.some((e) => e.secretRef));
  if (secrets) throw fail('secrets');
  const configMaps =
    volumes.some((v) => v.configMap || v.projected?.sources?.some((s) => s.configMap)) ||
    containers.some((c) => c.env?.some((e) => e.valueFrom?.configMapKeyRef) || c.envFrom?.some((e) => e.configMapRef));
  if (configMaps) throw fail('configmaps');
  if (volumes.some((v) => v.projected?.sources?.some((s) => s.clusterTrustBundle))) throw fail('clustertrustbundles');
  if (volumes.some((v) => v.persistentVolumeClaim)) throw fail('persistentvolumeclaims');
}
