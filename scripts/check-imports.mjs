// Holds the rules of ARCHITECTURE.md: a package imports only what its package.json and tsconfig.json name, always by
// an entry point of the package, and the references have no way back up.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const packages = readdirSync(join(root, 'packages'));
const problems = [];

/** What each package may import of this repository. The order of the layers is the order of this list. */
const allowed = Object.fromEntries(
  packages.map((name) => {
    const config = JSON.parse(readFileSync(join(root, 'packages', name, 'tsconfig.json'), 'utf8'));
    return [name, new Set((config.references ?? []).map((reference) => reference.path.replace('../', '')))];
  }),
);
/** What each package.json names under `exports`: its index, and helpers for tests under `./testing`. */
const entryPoints = Object.fromEntries(
  packages.map((name) => {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
    return [name, new Set(Object.keys(manifest.exports ?? {}))];
  }),
);
const leaves = ['apimachinery', 'component-base', 'pki', 'cri', 'cni', 'node-iptables', 'streaming'];

function sources(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      return entry.name === 'generated' ? [] : sources(path);
    }
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function check(file, name, dependencies) {
  const text = readFileSync(file, 'utf8');
  for (const match of text.matchAll(/(?:from|import|import\()\s*'(@kubelab\/[^']+|\.[^']*)'/g)) {
    const target = match[1];
    if (target.startsWith('.')) {
      if (!target.endsWith('.js')) {
        problems.push(`${file}: relative import ${target} must end in .js`);
      }
      if (target.split('/').includes('packages')) {
        problems.push(`${file}: ${target} reaches into another package; import @kubelab/NAME instead`);
      }
      continue;
    }
    const [, other, ...deeper] = target.split('/');
    if (deeper.length > 0 && !entryPoints[other]?.has(`./${deeper.join('/')}`)) {
      problems.push(`${file}: ${target} is no entry point of the package; import @kubelab/${other}`);
    }
    if (other !== name && !dependencies.has(other)) {
      problems.push(`${file}: @kubelab/${other} is not among the references of packages/${name}/tsconfig.json`);
    }
    if (leaves.includes(name)) {
      problems.push(`${file}: ${name} is a leaf and imports no other package`);
    }
  }
}

for (const name of packages) {
  const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
  for (const reference of allowed[name]) {
    if (!manifest.dependencies?.[`@kubelab/${reference}`] && !manifest.devDependencies?.[`@kubelab/${reference}`]) {
      problems.push(`packages/${name}/package.json: @kubelab/${reference} is referenced but not a dependency`);
    }
  }
  for (const file of sources(join(root, 'packages', name, 'src'))) {
    check(file, name, allowed[name]);
  }
}

function findCycle(name, path) {
  if (path.includes(name)) {
    return [...path.slice(path.indexOf(name)), name];
  }
  for (const next of allowed[name] ?? []) {
    const cycle = findCycle(next, [...path, name]);
    if (cycle) {
      return cycle;
    }
  }
  return undefined;
}
for (const name of packages) {
  const cycle = findCycle(name, []);
  if (cycle) {
    problems.push(`packages form a cycle: ${cycle.join(' -> ')}`);
    break;
  }
}

for (const problem of problems) {
  console.error(problem.replace(root, ''));
}
console.log(`imports of ${packages.length} packages checked, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
