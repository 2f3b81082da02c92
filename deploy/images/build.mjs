#!/usr/bin/env node
// Makes the root file system of an image for some of this repository's processes, so that no registry is needed:
//   node deploy/images/build.mjs dns metrics-server /tmp/system.tar            then: docker import /tmp/system.tar ...
//   node deploy/images/build.mjs ingress /tmp/ingress.tar --binary /usr/sbin/nginx
// It holds this machine's node with the libraries it is linked to, the built packages and their dependencies, nothing else.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { binary: { type: 'string', multiple: true, default: [] } },
});
const names = positionals.slice(0, -1);
const output = positionals.at(-1);
const repo = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
if (names.length === 0 || !names.every((name) => existsSync(join(repo, 'packages', name, 'dist/main.js')))) {
  console.error('usage: build.mjs PACKAGE... OUTPUT.tar [--binary PATH]...   (PACKAGE built, with a dist/main.js)');
  process.exit(2);
}
const root = mkdtempSync(join(tmpdir(), 'kubelab-root-'));

/** A program (or a module) and all the libraries it is linked to, at the paths where the loader looks for them; or a folder. */
function addBinary(path, target = path) {
  if (statSync(path).isDirectory()) {
    cpSync(path, join(root, target), { recursive: true, dereference: true });
    return;
  }
  copy(realpathSync(path), target);
  const linked = execFileSync('ldd', [realpathSync(path)], { encoding: 'utf8' });
  for (const [, library] of linked.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)) copy(realpathSync(library), library);
}

function copy(from, to) {
  const path = join(root, to);
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  cpSync(from, path, { recursive: true, dereference: false });
}

/** The packages of this repository that the named ones are made of, by their package.json. */
function ownPackages() {
  const found = new Set(names);
  for (const name of found) {
    const manifest = JSON.parse(readFileSync(join(repo, 'packages', name, 'package.json'), 'utf8'));
    for (const dependency of Object.keys(manifest.dependencies ?? {})) {
      if (dependency.startsWith('@kubelab/')) found.add(dependency.replace('@kubelab/', ''));
    }
  }
  return [...found];
}

/** The packages and what they depend on: ours with what is built of them, others whole, as npm knows them. */
function addPackages() {
  const own = ownPackages();
  for (const name of own) {
    for (const part of ['package.json', 'dist', 'lua']) {
      const from = join(repo, 'packages', name, part);
      if (existsSync(from)) copy(from, `/app/packages/${name}/${part}`);
    }
    const link = join(root, 'app/node_modules/@kubelab', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join('../../packages', name), link);
  }
  const workspaces = own.flatMap((name) => ['-w', `packages/${name}`]);
  const list = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable', ...workspaces], {
    cwd: repo,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for (const path of list.split('\n').filter((p) => p.includes('node_modules/') && !p.includes('/@types/'))) {
    if (!path.includes('/node_modules/@kubelab/')) copy(realpathSync(path), `/app/${relative(repo, path)}`);
  }
}

try {
  for (const dir of ['tmp', 'etc', 'run', 'proc', 'sys', 'dev', 'var/log/nginx', 'var/lib/nginx']) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/false\nwww-data:x:33:33:www-data:/:/bin/false\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nwww-data:x:33:\n');
  addBinary(process.execPath, '/bin/node');
  for (const binary of values.binary) addBinary(binary);
  addPackages();
  execFileSync('tar', ['--owner=0', '--group=0', '--numeric-owner', '-C', root, '-cf', resolve(output), '.']);
} finally {
  rmSync(root, { recursive: true });
}
const { version } = JSON.parse(readFileSync(join(repo, 'package.json'), 'utf8'));
const [first] = names;
const [change, image] =
  names.length === 1
    ? [`--change 'ENTRYPOINT ["/bin/node","/app/packages/${first}/dist/main.js"]' `, first]
    : ['', 'system'];
console.log(`docker import ${change}${output} kubelab/${image}:${version}`);
