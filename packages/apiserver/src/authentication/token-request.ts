import { resolveSchema } from '@kubelab/api';
import {
  decodeStrict,
  deepCopy,
  type FieldError,
  FieldPath,
  field,
  type KubeObject,
  newBadRequest,
  newConflict,
  newInvalid,
  newNotFound,
  nowSecond,
} from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';
import type { UserInfo } from './authenticator.js';
import type { BoundObject, ServiceAccountTokenIssuer } from './service-account-tokens.js';

const minSeconds = 600;
const maxSeconds = 1 << 30;
/** Projected tokens ask for 3607 s; they get a year so that old clients that never re-read the file keep working. */
const warnOnlyBoundTokenSeconds = 60 * 60 + 7;
const extendedSeconds = 365 * 24 * 60 * 60;

interface TokenRequestSpec {
  audiences?: string[];
  expirationSeconds?: number | null;
  boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } | null;
}

export interface TokenRequestOptions {
  objects: ObjectAccess;
  issuer: ServiceAccountTokenIssuer;
  /** Used when the request names none. */
  apiAudiences: string[];
  maxExpirationSeconds?: number;
  /** --service-account-extend-token-expiration */
  extendExpiration?: boolean;
}

const core = (resource: string) => ({ group: '', resource });

/** The decoder knows the schema of stored kinds only. */
function checkTypes(request: KubeObject): void {
  const schema = resolveSchema('io.k8s.api.authentication.v1.TokenRequest');
  if (!schema) return;
  const [problem] = decodeStrict(request, schema, resolveSchema, { normalize: true }).typeErrors;
  if (problem) throw newBadRequest(`TokenRequest in version "v1" cannot be handled as a TokenRequest: ${problem}`);
}

function validate(spec: TokenRequestSpec): FieldError[] {
  const path = FieldPath.of('spec', 'expirationSeconds');
  const seconds = spec.expirationSeconds ?? 3600;
  if (seconds < minSeconds) return [field.invalid(path, seconds, 'may not specify a duration less than 10 minutes')];
  if (seconds > maxSeconds * 4) return [field.tooLong(path, seconds, maxSeconds * 4)];
  return [];
}

/** Serves POST .../serviceaccounts/NAME/token. */
export class TokenRequestHandler {
  constructor(private readonly o: TokenRequestOptions) {}

  /**
   * @param request a TokenRequest of authentication.k8s.io/v1
   * @throws StatusError NotFound, Invalid, Conflict (the bound object has another uid)
   */
  async create(namespace: string, name: string, request: KubeObject, _user: UserInfo): Promise<KubeObject> {
    const account = await this.o.objects.get(core('serviceaccounts'), namespace, name, { consistent: true });
    if (!account) throw newNotFound(core('serviceaccounts'), name);
    if (request.metadata?.name && request.metadata.name !== name) {
      throw newBadRequest(
        `the name of the object (${request.metadata.name}) does not match the name on the URL (${name})`,
      );
    }
    checkTypes(request);
    const spec = (request.spec ?? {}) as TokenRequestSpec;
    const errors = validate(spec);
    if (errors.length > 0) throw newInvalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, name, errors);
    const requested = Math.min(spec.expirationSeconds ?? 3600, this.o.maxExpirationSeconds ?? Number.POSITIVE_INFINITY);
    const { bound, node } = await this.boundObject(account, spec);
    const audiences = spec.audiences?.length ? spec.audiences : this.o.apiAudiences;
    const extend =
      this.o.extendExpiration !== false &&
      bound?.kind === 'Pod' &&
      requested === warnOnlyBoundTokenSeconds &&
      audiences.every((a) => this.o.apiAudiences.includes(a));
    const issued = await this.o.issuer.issue({
      namespace,
      serviceAccount: { name, uid: account.metadata.uid ?? '' },
      ...(bound ? { bound } : {}),
      ...(node ? { node } : {}),
      audiences,
      expirationSeconds: extend ? extendedSeconds : requested,
      ...(extend ? { warnAfterSeconds: requested } : {}),
    });
    // The kubelet refreshes by what it asked for, not by the longer life.
    const expiresAt = extend ? Date.now() + requested * 1000 : issued.expiresAt;
    const out = deepCopy(request);
    out.metadata = { name, namespace, creationTimestamp: nowSecond() };
    out.spec = { ...spec, audiences, expirationSeconds: requested, boundObjectRef: spec.boundObjectRef ?? null };
    out.status = { token: issued.token, expirationTimestamp: nowSecond(new Date(expiresAt)) };
    return out;
  }

  private async boundObject(
    account: KubeObject,
    spec: TokenRequestSpec,
  ): Promise<{ bound?: BoundObject; node?: { name: string; uid?: string } }> {
    const ref = spec.boundObjectRef;
    if (!ref) return {};
    const kinds: Record<string, string> = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' };
    const resource = kinds[ref.kind ?? ''];
    if (!resource || (ref.apiVersion ?? 'v1') !== 'v1') {
      throw newBadRequest(
        `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to type ${ref.apiVersion ?? ''}, Kind=${ref.kind ?? ''}`,
      );
    }
    const namespace = ref.kind === 'Node' ? '' : (account.metadata.namespace ?? '');
    const object = await this.o.objects.get(core(resource), namespace, ref.name ?? '', { consistent: true });
    if (!object) throw newNotFound(core(resource), ref.name ?? '');
    const uid = object.metadata.uid ?? '';
    if (ref.uid && ref.uid !== uid) {
      throw newConflict(
        core(resource),
        ref.name ?? '',
        `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    }
    const bound: BoundObject = { kind: ref.kind as BoundObject['kind'], name: ref.name ?? '', uid };
    if (ref.kind !== 'Pod') return { bound };
    const pod = object.spec as { serviceAccountName?: string; nodeName?: string } | undefined;
    if ((pod?.serviceAccountName ?? '') !== account.metadata.name) {
      throw newBadRequest(
        `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`,
      );
    }
    if (!pod?.nodeName) return { bound };
    const node = await this.o.objects.get(core('nodes'), '', pod.nodeName);
    return { bound, node: { name: pod.nodeName, ...(node?.metadata.uid ? { uid: node.metadata.uid } : {}) } };
  }
}
