import type { IncomingMessage } from 'node:http';
import { newBadRequest, newInternalError } from '@kubelab/apimachinery';
import type { AuthorizationAttributes, Authorizer } from '../authorization/authorizer.js';
import { newAccessForbidden } from '../authorization/forbidden.js';
import { systemGroup, systemUser, type UserInfo } from './authenticator.js';
import { extraHeaders, headerValues } from './front-proxy.js';

const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Whether a request asks to act as another. Cheap: for every request. */
export function wantsImpersonation(req: IncomingMessage): boolean {
  const h = req.headers;
  if (h['impersonate-user'] !== undefined || h['impersonate-group'] !== undefined || h['impersonate-uid'] !== undefined)
    return true;
  for (const k in h) if (k.startsWith('impersonate-extra-')) return true;
  return false;
}

/**
 * The user that a request acts as by its Impersonate-* headers, after checking that its sender may do so.
 * @throws StatusError Forbidden; InternalError when groups or extras come without a user
 */
export async function impersonate(req: IncomingMessage, sender: UserInfo, authorizer: Authorizer): Promise<UserInfo> {
  const name = headerValues(req, 'impersonate-user')[0] ?? '';
  const groups = headerValues(req, 'impersonate-group');
  const uid = headerValues(req, 'impersonate-uid')[0];
  const extra = extraHeaders(req, ['Impersonate-Extra-']);
  if (name === '') {
    throw newInternalError(
      new Error(
        `requested [${[...groups.map((g) => `{Group  ${g}}`), ...Object.keys(extra)].join(' ')}] without impersonating a user`,
      ),
    );
  }
  if (!/^[\x20-\x7e]*$/.test(name)) throw newBadRequest('invalid impersonated user name');
  const check = async (a: Partial<AuthorizationAttributes>) => {
    const attributes: AuthorizationAttributes = {
      user: sender,
      verb: 'impersonate',
      resourceRequest: true,
      apiGroup: '',
      apiVersion: 'v1',
      resource: '',
      subresource: '',
      namespace: '',
      name: '',
      path: '',
      ...a,
    };
    const r = await authorizer.authorize(attributes);
    if (r.decision !== 'allow') throw newAccessForbidden(attributes, r.reason);
  };
  const sa = serviceAccount.exec(name);
  if (sa) await check({ resource: 'serviceaccounts', namespace: sa[1] ?? '', name: sa[2] ?? '' });
  else await check({ resource: 'users', name });
  for (const g of groups) await check({ resource: 'groups', name: g });
  if (uid) await check({ apiGroup: 'authentication.k8s.io', resource: 'uids', name: uid });
  for (const [key, values] of Object.entries(extra)) {
    for (const v of values) {
      await check({ apiGroup: 'authentication.k8s.io', resource: 'userextras', subresource: key, name: v });
    }
  }
  const all = [...groups];
  if (sa && groups.length === 0) all.push(systemGroup.serviceAccounts, `${systemGroup.serviceAccounts}:${sa[1]}`);
  if (name === systemUser.anonymous) {
    if (!all.includes(systemGroup.unauthenticated)) all.push(systemGroup.unauthenticated);
  } else if (!all.includes(systemGroup.authenticated) && !all.includes(systemGroup.unauthenticated)) {
    all.push(systemGroup.authenticated);
  }
  return {
    name,
    groups: all,
    ...(uid ? { uid } : {}),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
