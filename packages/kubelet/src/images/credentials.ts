import { readFile } from 'node:fs/promises';
import type { V1Secret } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import type { AuthConfig } from '@kubelab/cri';
import type { ObjectSource } from '../env/env.js';
import type { Pod } from '../pod/types.js';
import { parseImage } from './reference.js';

interface DockerAuth {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
  registrytoken?: string;
}

type Keyring = [pattern: string, auth: AuthConfig][];

function toAuth(server: string, entry: DockerAuth): AuthConfig {
  const [user, ...rest] = Buffer.from(entry.auth ?? '', 'base64')
    .toString()
    .split(':');
  return {
    username: entry.username || user || '',
    password: entry.password || rest.join(':'),
    server_address: server,
    identity_token: entry.identitytoken ?? '',
    registry_token: entry.registrytoken ?? '',
  };
}

/** Entries of a .dockerconfigjson or a .dockercfg document. Throws when it is not valid JSON. */
export function parseDockerConfig(text: string, legacy = false): Keyring {
  const parsed = JSON.parse(text) as Record<string, unknown>;
  const auths = (legacy ? parsed : parsed.auths) as Record<string, DockerAuth> | undefined;
  return Object.entries(auths ?? {}).map(([key, entry]) => [
    key
      .replace(/^https?:\/\//, '')
      .replace(/\/v[12]\/?$/, '')
      .replace(/\/$/, ''),
    toAuth(key, entry),
  ]);
}

function secretKeyring(secret: V1Secret): Keyring {
  const decode = (key: string) => {
    const data = secret.data?.[key];
    return data === undefined ? undefined : Buffer.from(data, 'base64').toString();
  };
  const json = decode('.dockerconfigjson');
  if (json !== undefined) return parseDockerConfig(json);
  const legacy = decode('.dockercfg');
  return legacy === undefined ? [] : parseDockerConfig(legacy, true);
}

/** Whether a keyring's entry (host with `*` per label, optional path prefix) is for the image. */
export function entryMatches(pattern: string, image: string): boolean {
  const { registry, repository } = parseImage(image);
  const [host = '', ...path] = pattern.split('/');
  const prefix = path.join('/');
  const hosts = host === 'index.docker.io' ? 'docker.io' : host;
  const labels = hosts.split('.');
  const wanted = registry.split('.');
  if (labels.length !== wanted.length) return false;
  const fits = labels.every((label, index) => {
    const regex = label.replace(/[\\^$+?()[\]{}|]/g, '\\$&').replaceAll('*', '.*');
    return new RegExp(`^${regex}$`).test(wanted[index] ?? '');
  });
  return fits && (prefix === '' || repository === prefix || repository.startsWith(`${prefix}/`));
}

/** Credentials for an image, in the order to try: the pod's pull secrets, then the node's own. */
export async function credentialsFor(
  image: string,
  pod: Pod,
  objects: ObjectSource,
  nodeConfigPath: string | undefined,
): Promise<AuthConfig[]> {
  const keyring: Keyring = [];
  for (const { name } of pod.spec.imagePullSecrets ?? []) {
    if (!name) continue;
    try {
      keyring.push(...secretKeyring(await objects.secret(pod.metadata.namespace, name)));
    } catch (error) {
      // A missing pull secret is no failure: the image may be public (the kubelet warns and goes on).
      if (!isNotFound(error)) throw error;
    }
  }
  if (nodeConfigPath) {
    const text = await readFile(nodeConfigPath, 'utf8').catch(() => undefined);
    if (text) keyring.push(...parseDockerConfig(text));
  }
  return keyring
    .filter(([pattern]) => entryMatches(pattern, image))
    .sort(([a], [b]) => b.length - a.length)
    .map(([, auth]) => auth);
}
