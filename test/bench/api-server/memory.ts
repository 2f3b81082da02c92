import { residentMb } from './process-usage.js';
import { namespaced, seed } from './seed.js';
import { number, type Row } from './table.js';
import { Target } from './target.js';

const pods = 50_000;

/** A pod of about 2 KB as it is stored. */
function pod(name: string) {
  const env = Array.from({ length: 8 }, (_, i) => ({ name: `VARIABLE_${i}`, value: 'v'.repeat(40) }));
  const resources = { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } };
  const container = { name: 'main', image: 'registry.example.com/team/app:1.2.3', env, resources };
  const metadata = { name, labels: { app: 'bench', tier: 'web' } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { automountServiceAccountToken: false, containers: [container] },
  };
}

/** Memory with many pods: as they came by watch, and of a server that was started on them. */
export async function measureMemory(): Promise<Row[]> {
  const target = await Target.start();
  try {
    await target.ask('/api/v1/namespaces', { metadata: { name: 'bench' } });
    await target.ask('/api/v1/namespaces/bench/serviceaccounts', { metadata: { name: 'default' } });
    const path = namespaced('bench', 'pods');
    const template = await target.ask(path, pod('template'));
    const bytes = Buffer.byteLength(JSON.stringify(template));
    const what = `memory with ${number(pods)} pods of ${(bytes / 1024).toFixed(1)} KB`;
    const empty = residentMb(target.pid);
    await seed(target, template, pods, 'pods/bench');
    const followed = residentMb(target.pid);
    const began = performance.now();
    await target.restart();
    const seconds = (performance.now() - began) / 1000;
    await target.ask(`${path}?limit=1`);
    return [
      { what: 'memory of an idle server', objects: 0, value: `${empty} MB` },
      { what: `${what}, come by watch`, objects: pods, value: `${followed} MB` },
      { what: `${what}, after a restart`, objects: pods, value: `${residentMb(target.pid)} MB` },
      { what: 'start until ready', objects: pods, value: `${seconds.toFixed(1)} s` },
    ];
  } finally {
    await target.stop();
  }
}
