// Measures the API server on a real etcd, beside the goals of ARCHITECTURE.md. Needs wrk and etcd (Debian's packages).
//   node test/dist/bench/apiserver.js [--objects 500,50000] [--seconds 5] [--only get,list,list0,create,patch,watch,memory]
// NODE_ARGS="--cpu-prof --cpu-prof-dir=/tmp/prof" makes profiles of the API server.
import { parseArgs } from 'node:util';
import { fanOut } from './api-server/fan-out.js';
import { measureMemory } from './api-server/memory.js';
import { residentMb } from './api-server/process-usage.js';
import { configMap, namespaced, seed } from './api-server/seed.js';
import { number, type Row, toMarkdown } from './api-server/table.js';
import { Target } from './api-server/target.js';
import { wrk } from './api-server/wrk.js';

const { values } = parseArgs({
  options: {
    objects: { type: 'string', default: '500,50000' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'get,list,list0,create,patch,watch,memory' },
  },
});
const only = new Set(values.only.split(','));
const seconds = Number(values.seconds);
const path = namespaced('bench');
const text = 'x'.repeat(700);

/** The loads of wrk: what is asked for, by how many connections, and the goal in requests a second. */
const loads: { id: string; what: string; path: string; connections: number; goal: number; request?: string }[] = [
  { id: 'get', what: 'GET one object, 32 connections', path: `${path}/seed-7`, connections: 32, goal: 20_000 },
  { id: 'list', what: 'LIST 500 objects of 1 KB, consistent, 8 connections', path, connections: 8, goal: 1_200 },
  {
    id: 'list0',
    what: 'LIST 500 objects of 1 KB, resourceVersion=0, 8 connections',
    path: `${path}?resourceVersion=0`,
    connections: 8,
    goal: 1_500,
  },
  {
    id: 'create',
    what: 'create a ConfigMap of 1 KB, 32 connections',
    path: namespaced('bench-created'),
    connections: 32,
    goal: 4_000,
    request: `return wrk.format("POST", nil, {["Content-Type"]="application/json", ["Authorization"]=wrk.headers["Authorization"]}, '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c-' .. id .. '-' .. n .. '"},"data":{"data":"${text}"}}')`,
  },
  {
    id: 'patch',
    what: 'merge-patch a ConfigMap of 1 KB, 32 connections',
    path,
    connections: 32,
    goal: 4_000,
    request: `return wrk.format("PATCH", "${path}/seed-" .. (n % 500), {["Content-Type"]="application/merge-patch+json", ["Authorization"]=wrk.headers["Authorization"]}, '{"data":{"n":"' .. id .. n .. '"}}')`,
  },
];

async function measure(objects: number, add: (row: Row) => void): Promise<void> {
  const target = await Target.start();
  try {
    for (const name of ['bench', 'bench-others', 'bench-created']) {
      await target.ask('/api/v1/namespaces', { metadata: { name } });
    }
    const template = await target.ask(path, configMap('template', text));
    await seed(target, template, 500, 'configmaps/bench');
    await seed(target, template, objects - 500, 'configmaps/bench-others');
    for (const load of loads.filter((candidate) => only.has(candidate.id))) {
      const url = `${target.url}${load.path}`;
      const result = await wrk({ ...load, url, token: target.token, seconds }, target.pid);
      add({
        what: load.what,
        objects,
        value: `${number(result.perSecond)} requests/s`,
        goal: number(load.goal),
        cpu: `${number(result.cpuMicroseconds)} µs a request`,
        note: result.p99,
      });
    }
    if (only.has('watch')) {
      add(await fanOut(target, objects, { watchers: 100, goal: 100_000, seconds }));
      add(await fanOut(target, objects, { watchers: 1000, seconds }));
    }
    add({ what: 'memory after these loads', objects, value: `${residentMb(target.pid)} MB`, goal: '250 MB' });
  } finally {
    await target.stop();
  }
}

const rows: Row[] = [];
/** Shown as they come: the whole takes minutes. */
const add = (row: Row) => {
  rows.push(row);
  process.stderr.write(`${row.what}, ${row.objects} objects: ${row.value} ${row.cpu ?? ''}\n`);
};
for (const objects of values.objects.split(',').map(Number)) await measure(objects, add);
if (only.has('memory')) for (const row of await measureMemory()) add(row);
process.stdout.write(`${toMarkdown(rows)}\n`);
