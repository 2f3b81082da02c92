import { chmod, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/** `unix:///run/x.sock` or `/run/x.sock` as the target string grpc-js takes. */
export function socketAddress(endpoint: string): string {
  return `unix:${socketPath(endpoint)}`;
}

/** The file of a unix endpoint. Throws for any other scheme. */
export function socketPath(endpoint: string): string {
  const path = endpoint.replace(/^unix:(\/\/)?/, '');
  if (!path.startsWith('/')) throw new Error(`endpoint must be a unix socket (unix:///path): ${endpoint}`);
  return path;
}

/** Makes room for a listening socket: creates its folder, and removes a socket nobody listens on any more. */
export async function prepareSocket(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (await isListening(path)) throw new Error(`another process already serves ${path}`);
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** Only root may talk to the runtime: whoever can, owns the machine. */
export async function restrictSocket(path: string): Promise<void> {
  await chmod(path, 0o660);
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
