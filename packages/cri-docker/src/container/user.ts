import { CriError, type LinuxContainerSecurityContextOutput } from '@kubelab/cri';
import type { UserDatabase } from '../image/users.js';

export interface ResolvedUser {
  /** Docker's User; '' leaves the image's. */
  user: string;
  /** Docker's GroupAdd. */
  groups: string[];
  /** As reported in the container's status, where it is known without looking into the container. */
  ids?: { uid: number; gid: number; supplementalGroups: number[] };
}

/**
 * Who a container runs as. Docker adds a user's groups of the image's /etc/group only if no group is given, while CRI
 * wants them always (Merge) or never (Strict); `database` is asked for when that makes a difference.
 *
 * @param imageUser the image's User
 */
export async function resolveUser(
  security: LinuxContainerSecurityContextOutput | null | undefined,
  imageUser: string,
  database: () => Promise<UserDatabase>,
): Promise<ResolvedUser> {
  const wanted = security?.supplemental_groups ?? [];
  const groups = wanted.map(String);
  if (!security) return { user: '', groups };
  const uid = security.run_as_user?.value;
  const gid = security.run_as_group?.value;
  const name = uid === undefined ? security.run_as_username : String(uid);
  if (gid !== undefined && name === '') {
    throw new CriError('INVALID_ARGUMENT', 'run_as_group needs run_as_user or run_as_username');
  }
  const strict = security.supplemental_groups_policy === 'Strict';
  if (gid === undefined && !strict) return { user: name, groups };

  const [imageName = '', imageGroup] = imageUser.split(':');
  const who = name === '' ? imageName || '0' : name;
  const known = await database();
  const user = known.users.find((entry) => entry.name === who || String(entry.uid) === who);
  const finalUid = user?.uid ?? Number(who);
  if (!Number.isInteger(finalUid)) {
    throw new CriError('INVALID_ARGUMENT', `the image has no user "${who}" in its /etc/passwd`);
  }
  const group =
    name === '' ? known.groups.find((entry) => [entry.name, String(entry.gid)].includes(imageGroup ?? '')) : undefined;
  const finalGid = gid ?? group?.gid ?? user?.gid ?? 0;
  const own =
    strict || !user ? [] : known.groups.filter((entry) => entry.members.includes(user.name)).map((g) => g.gid);
  const supplementalGroups = [...new Set([...wanted, ...own])];
  return {
    user: `${finalUid}:${finalGid}`,
    groups: supplementalGroups.map(String),
    ids: { uid: finalUid, gid: finalGid, supplementalGroups: [...new Set([finalGid, ...supplementalGroups])] },
  };
}
