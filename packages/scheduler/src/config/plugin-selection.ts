import type { ExtensionPoint, FrameworkPlugins } from '../framework/framework.js';
import type { Plugin } from '../framework/plugin.js';
import { type PointName, type Profile, pointNames } from './types.js';

/** The method that does an extension point's work; reserve is there also for plugins that only unreserve. */
const methodOf: Record<PointName, ExtensionPoint> = {
  preEnqueue: 'preEnqueue',
  queueSort: 'less',
  preFilter: 'preFilter',
  filter: 'filter',
  postFilter: 'postFilter',
  preScore: 'preScore',
  score: 'score',
  reserve: 'reserve',
  permit: 'permit',
  preBind: 'preBind',
  bind: 'bind',
  postBind: 'postBind',
};

/** Steps that only prepare others: which plugins need them is their own affair, and files name them at will. */
const preparing: ReadonlySet<PointName> = new Set<PointName>([
  'preFilter',
  'preScore',
  'reserve',
  'preBind',
  'postBind',
]);

/**
 * Decides which plugins do which step, as Kubernetes does: `multiPoint` plugins do all that they can in their order;
 * plugins named at a point come first there and win over their multiPoint weight; `disabled` (`*` for all) takes out.
 * Throws for a plugin that does not exist or can't do the step it is enabled for.
 */
export function selectPlugins(profile: Profile, registry: ReadonlyMap<string, Plugin>): FrameworkPlugins {
  const plugin = (name: string): Plugin => {
    const found = registry.get(name);
    if (!found) throw new Error(`profile ${profile.schedulerName}: plugin "${name}" does not exist`);
    return found;
  };
  const multi = profile.plugins.multiPoint?.enabled ?? [];
  const points = new Map<ExtensionPoint, Plugin[]>();
  const weights = new Map<string, number>();
  for (const point of pointNames) {
    const method = methodOf[point];
    const set = profile.plugins[point];
    const own = set?.enabled ?? [];
    const off = new Set((set?.disabled ?? []).map((d) => d.name));
    const chosen = own.flatMap(({ name }) => {
      const p = plugin(name);
      if (p[method]) return [p];
      if (preparing.has(point)) return [];
      throw new Error(`plugin "${name}" does not extend ${point} plugin`);
    });
    for (const { name } of multi) {
      const p = plugin(name);
      if (p[method] && !off.has('*') && !off.has(name) && !own.some((o) => o.name === name)) chosen.push(p);
    }
    points.set(method, chosen);
  }
  for (const { name, weight } of [...multi, ...(profile.plugins.score?.enabled ?? [])]) weights.set(name, weight || 1);
  const all = new Set([...points.values()].flat());
  return {
    at: (point) => points.get(point) ?? [],
    weight: (name) => weights.get(name) ?? 1,
    all: () => [...all],
  };
}
