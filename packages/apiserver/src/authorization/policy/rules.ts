import type { PolicyRule } from '../authorizer.js';

/*
 * A terse way to write policy: words are separated by spaces, `core` is the group without a name.
 */
const words = (text: string): string[] => text.split(' ').filter((w) => w !== '');

/** A rule over resources: `rule('get list', 'core apps', 'pods pods/log', ['only-this-name'])`. */
export function rule(verbs: string, groups: string, resources: string, names: string[] = []): PolicyRule {
  return {
    apiGroups: words(groups)
      .map((g) => (g === 'core' ? '' : g))
      .sort(),
    ...(names.length > 0 ? { resourceNames: [...names].sort() } : {}),
    resources: words(resources).sort(),
    verbs: words(verbs).sort(),
  };
}

/** A rule over URLs that are no resources. */
export function urls(verbs: string, paths: string): PolicyRule {
  return { nonResourceURLs: words(paths).sort(), verbs: words(verbs).sort() };
}

export const read = 'get list watch';
export const write = 'create delete deletecollection patch update';
export const readWrite = `${read} ${write}`;
export const events = (): PolicyRule => rule('create patch update', 'core events.k8s.io', 'events');
