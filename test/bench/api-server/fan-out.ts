import { cpuSeconds } from './process-usage.js';
import { configMap, namespaced } from './seed.js';
import { number, type Row } from './table.js';
import type { Target } from './target.js';
import { Watchers } from './watchers.js';
import { wrk } from './wrk.js';

const namespace = 'bench-watched';
const patched = 32;

/**
 * Watchers of one namespace while objects in it are patched: events a second that reach them, and what the API server
 * pays for one. The cost of the patches themselves is measured first and taken off.
 */
export async function fanOut(
  target: Target,
  objects: number,
  o: { watchers: number; goal?: number; seconds: number },
): Promise<Row> {
  const path = namespaced(namespace);
  await target.ask('/api/v1/namespaces', { metadata: { name: namespace } }).catch(ignoreExisting);
  for (let i = 0; i < patched; i++) {
    await target.ask(path, configMap(`watched-${i}`, 'x'.repeat(700))).catch(ignoreExisting);
  }
  const load = {
    url: `${target.url}${path}`,
    token: target.token,
    connections: 8,
    seconds: o.seconds,
    request: `return wrk.format("PATCH", "${path}/watched-" .. (n % ${patched}), {["Content-Type"]="application/merge-patch+json", ["Authorization"]=wrk.headers["Authorization"]}, '{"data":{"n":"' .. id .. n .. '"}}')`,
  };
  const alone = await wrk(load, target.pid);
  const version = await currentVersion(target, path);
  const url = new URL(`${target.url}${path}?watch=true&allowWatchBookmarks=false&resourceVersion=${version}`);
  const watchers = await Watchers.open(url, target.token, o.watchers);
  try {
    const [cpu, began] = [cpuSeconds(target.pid), performance.now()];
    const writes = await wrk(load, target.pid);
    const changes = Math.round(writes.perSecond * o.seconds);
    // Once all have got what was written (the last requests of wrk may not have been counted), the time is over.
    await watchers.until(changes * o.watchers * 0.99);
    const took = (performance.now() - began) / 1000;
    const used = cpuSeconds(target.pid) - cpu;
    const each = (used * 1e6 - changes * alone.cpuMicroseconds) / watchers.events;
    return {
      what: `watch, ${number(o.watchers)} watchers of one namespace`,
      objects,
      value: `${number(watchers.events / took)} events/s`,
      goal: o.goal ? number(o.goal) : '',
      cpu: `${each.toFixed(1)} µs an event and watcher, ${((each * o.watchers) / 1000).toFixed(1)} ms an event`,
    };
  } finally {
    await watchers.close();
  }
}

async function currentVersion(target: Target, path: string): Promise<string> {
  const list = await target.ask(`${path}?limit=1`);
  return list.metadata.resourceVersion ?? '0';
}

function ignoreExisting(error: Error): void {
  if (!error.message.includes('AlreadyExists')) throw error;
}
