import type { UserInfo } from '../authentication/authenticator.js';

/** The node that a user is (`system:node:NAME` in group system:nodes), or undefined. */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith('system:node:') || !user.groups.includes('system:nodes')) return undefined;
  const name = user.name.slice('system:node:'.length);
  return name === '' ? undefined : name;
}
