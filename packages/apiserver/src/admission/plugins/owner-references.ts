import type { OwnerReference } from '@kubelab/apimachinery';
import type { Authorizer } from '../../authorization/authorizer.js';
import { admissionForbidden } from '../errors.js';
import { only } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

/** Finds the resource of a kind; undefined when there is none. */
export type KindLookup = (
  apiVersion: string,
  kind: string,
) => { group: string; version: string; resource: string; namespaced: boolean } | undefined;

/**
 * Setting owner references needs the right to delete the object, and blockOwnerDeletion the right to set the owner's
 * finalizers (off by default).
 */
export class OwnerReferencesPermissionEnforcement implements AdmissionPlugin {
  readonly name = 'OwnerReferencesPermissionEnforcement';
  readonly handles = only('CREATE', 'UPDATE');

  constructor(
    private readonly authorizer: Authorizer,
    private readonly lookup: KindLookup,
  ) {}

  async validate(a: AdmissionAttributes): Promise<void> {
    const now = a.object?.metadata.ownerReferences ?? [];
    const old = a.oldObject?.metadata.ownerReferences ?? [];
    if (
      JSON.stringify(now) === JSON.stringify(old) ||
      (a.resource.group === '' && a.resource.resource === 'pods' && a.subresource !== '')
    )
      return;
    // Not everybody who creates an object may delete it, but what is new has lost nothing.
    if (a.operation === 'UPDATE') {
      await this.require(
        a,
        'delete',
        a.resource,
        a.namespace,
        a.name,
        "cannot set an ownerRef on a resource you can't delete",
      );
    }
    for (const ref of now.filter((r) => r.blockOwnerDeletion && !wasBlocking(old, r))) {
      const owner = this.lookup(ref.apiVersion, ref.kind);
      if (!owner)
        throw admissionForbidden(
          a,
          `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${ref.apiVersion} Kind ${ref.kind}`,
        );
      const resource = { ...owner, subresource: 'finalizers' };
      await this.require(
        a,
        'update',
        resource,
        owner.namespaced ? a.namespace : '',
        ref.name,
        "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on",
      );
    }
  }

  private async require(
    a: AdmissionAttributes,
    verb: string,
    r: { group: string; version: string; resource: string; subresource?: string },
    namespace: string,
    name: string,
    message: string,
  ): Promise<void> {
    const answer = await this.authorizer.authorize({
      user: a.user,
      verb,
      resourceRequest: true,
      apiGroup: r.group,
      apiVersion: r.version,
      resource: r.resource,
      subresource: r.subresource ?? '',
      namespace,
      name,
      path: '',
    });
    if (answer.decision !== 'allow')
      throw admissionForbidden(a, `${message}: ${answer.reason ?? ''}, ${answer.error ?? '<nil>'}`);
  }
}

const wasBlocking = (old: OwnerReference[], ref: OwnerReference) =>
  old.some((o) => o.uid === ref.uid && o.blockOwnerDeletion === true);
