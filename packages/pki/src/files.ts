import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { KeyPair } from './key-pair.js';

/** Writes a file that holds a secret: mode 0600, replaced atomically, its folder made if missing (0755). */
export function writeSecretFile(path: string, content: string | Buffer): void {
  writeFile(path, content, 0o600);
}

/** Writes a file that anyone may read: mode 0644, replaced atomically. */
export function writePublicFile(path: string, content: string | Buffer): void {
  writeFile(path, content, 0o644);
}

function writeFile(path: string, content: string | Buffer, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content, { mode });
  // The mode of an existing temporary file, and the umask, would otherwise win.
  chmodSync(temporary, mode);
  renameSync(temporary, path);
}

/** Paths of a pair in a folder, as kubeadm names them: NAME.crt and NAME.key. */
export function keyPairPaths(dir: string, name: string): { cert: string; key: string } {
  return { cert: `${dir}/${name}.crt`, key: `${dir}/${name}.key` };
}

/** Reads a pair written by writeKeyPair, or undefined when either file is missing. */
export function readKeyPair(dir: string, name: string): KeyPair | undefined {
  const { cert, key } = keyPairPaths(dir, name);
  if (!existsSync(cert) || !existsSync(key)) {
    return undefined;
  }
  return { certPem: readFileSync(cert, 'utf8'), keyPem: readFileSync(key, 'utf8') };
}

/** Writes NAME.crt (0644) and NAME.key (0600). */
export function writeKeyPair(dir: string, name: string, pair: KeyPair): void {
  const { cert, key } = keyPairPaths(dir, name);
  writeSecretFile(key, pair.keyPem);
  writePublicFile(cert, pair.certPem);
}
