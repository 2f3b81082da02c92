import type { AuthConfigOutput } from '@kubelab/cri';
import { registryOf } from './reference.js';

/** Docker's credentials for a pull. */
export interface DockerAuth {
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
  serveraddress: string;
}

/** Docker's credentials from CRI's; `auth` is base64 of user:password. Undefined when there are none. */
export function dockerAuth(auth: AuthConfigOutput | null, reference: string): DockerAuth | undefined {
  if (!auth) return undefined;
  const serveraddress = auth.server_address || registryOf(reference);
  if (auth.registry_token) return { registrytoken: auth.registry_token, serveraddress };
  if (auth.identity_token) return { identitytoken: auth.identity_token, serveraddress };
  if (auth.username) return { username: auth.username, password: auth.password, serveraddress };
  if (!auth.auth) return undefined;
  // Some tools pad what they encode with zero bytes.
  const decoded = Buffer.from(auth.auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  if (colon < 0) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1), serveraddress };
}
