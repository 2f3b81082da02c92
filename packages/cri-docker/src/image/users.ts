import type Docker from 'dockerode';
import { isMissing } from '../docker/errors.js';

/** /etc/passwd and /etc/group of an image. */
export interface UserDatabase {
  users: { name: string; uid: number; gid: number }[];
  groups: { name: string; gid: number; members: string[] }[];
}

/** The user databases of images, read once each through a container that is never started. */
export class ImageUsers {
  readonly #databases = new Map<string, Promise<UserDatabase>>();

  constructor(private readonly docker: Docker) {}

  of(imageId: string): Promise<UserDatabase> {
    let database = this.#databases.get(imageId);
    if (!database) {
      database = this.#read(imageId);
      this.#databases.set(imageId, database);
      database.catch(() => this.#databases.delete(imageId));
    }
    return database;
  }

  forget(imageId: string): void {
    this.#databases.delete(imageId);
  }

  async #read(imageId: string): Promise<UserDatabase> {
    const container = await this.docker.createContainer({
      Image: imageId,
      Entrypoint: ['none'],
      NetworkDisabled: true,
    });
    try {
      const [passwd, group] = await Promise.all(['/etc/passwd', '/etc/group'].map((path) => readFile(container, path)));
      return { users: parsePasswd(passwd ?? ''), groups: parseGroup(group ?? '') };
    } finally {
      await container.remove({ force: true });
    }
  }
}

export function parsePasswd(text: string): UserDatabase['users'] {
  return fieldsOf(text, 4).map((f) => ({ name: f[0] ?? '', uid: Number(f[2]), gid: Number(f[3]) }));
}

export function parseGroup(text: string): UserDatabase['groups'] {
  return fieldsOf(text, 3).map((f) => ({
    name: f[0] ?? '',
    gid: Number(f[2]),
    members: (f[3] ?? '').split(',').filter((member) => member !== ''),
  }));
}

function fieldsOf(text: string, atLeast: number): string[][] {
  const lines = text.split('\n').map((line) => line.trim().split(':'));
  return lines.filter((fields) => fields.length >= atLeast && /^\d+$/.test(fields[2] ?? ''));
}

/** A regular file out of a container's file system; '' when there is none. */
async function readFile(container: Docker.Container, path: string): Promise<string> {
  try {
    const stream = await container.getArchive({ path });
    const parts: Buffer[] = [];
    for await (const chunk of stream) parts.push(chunk as Buffer);
    const archive = Buffer.concat(parts);
    // One tar entry: a head of 512 bytes, with the size in octal at 124 and the type at 156, then the content.
    if (archive.length < 512 || !['0', '\0'].includes(archive.toString('latin1', 156, 157))) return '';
    const size = Number.parseInt(archive.toString('latin1', 124, 136), 8);
    return archive.toString('utf8', 512, 512 + size);
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}
