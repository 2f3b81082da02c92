// Writes src/generated/ (not committed) from /proto: one TypeScript type a message, by proto-loader-gen-types.
// Quick when nothing changed: a stamp holds the hash of what went in.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageDir = join(dirname(fileURLToPath(import.meta.url)), '..');
const protoDir = join(packageDir, '..', '..', 'proto');
const outDir = join(packageDir, 'src', 'generated');
const stampFile = join(outDir, '.stamp');

const apis = [
  { proto: 'cri/runtime/v1/api.proto', out: 'runtime', typesDir: 'runtime/v1', barrel: 'runtime.ts' },
  {
    proto: 'deviceplugin/v1beta1/api.proto',
    out: 'deviceplugin',
    typesDir: 'v1beta1',
    barrel: 'deviceplugin.ts',
  },
];

const hash = createHash('sha256').update(readFileSync(fileURLToPath(import.meta.url)));
for (const api of apis) hash.update(readFileSync(join(protoDir, api.proto)));
const stamp = hash.digest('hex');
if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) process.exit(0);

rmSync(outDir, { recursive: true, force: true });
mkdirSync(outDir, { recursive: true });
const generator = join(
  dirname(createRequire(import.meta.url).resolve('@grpc/proto-loader/package.json')),
  'build/bin/proto-loader-gen-types.js',
);
for (const api of apis) {
  const args = ['--keepCase', '--longs=Number', '--enums=String', '--defaults', '--oneofs'];
  args.push('--grpcLib=@grpc/grpc-js', '--outputTemplate=%sOutput', '--importFileExtension=.js', '--includeComments');
  args.push(`--outDir=${join(outDir, api.out)}`, join(protoDir, api.proto));
  execFileSync(process.execPath, [generator, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeBarrel(api);
}
writeFileSync(stampFile, stamp);

/** One module that re-exports every message type and service definition type under its plain name. */
function writeBarrel(api) {
  const dir = join(outDir, api.out, api.typesDir);
  const lines = [];
  for (const file of readdirSync(dir).sort()) {
    const text = readFileSync(join(dir, file), 'utf8');
    const names = [...text.matchAll(/^export (?:interface|type) (\w+)/gm)].map((m) => m[1]);
    const wanted = [...new Set(names)].filter((n) => !n.startsWith('_'));
    if (wanted.length === 0) continue;
    const module = `./${api.out}/${api.typesDir}/${file.replace(/\.ts$/, '.js')}`;
    lines.push(`export type { ${wanted.join(', ')} } from '${module}';`);
  }
  writeFileSync(join(outDir, api.barrel), `${lines.join('\n')}\n`);
}
