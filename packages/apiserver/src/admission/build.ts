import type { Authorizer } from '../authorization/authorizer.js';
import type { ObjectAccess } from '../object-access.js';
import { AdmissionChain, enabledPlugins } from './chain.js';
import type { AdmissionPlugin } from './plugin.js';
import { DefaultTolerationSeconds } from './plugins/default-toleration-seconds.js';
import { NamespaceLifecycle } from './plugins/namespace-lifecycle.js';
import { NodeRestriction } from './plugins/node-restriction.js';
import { PriorityPlugin } from './plugins/priority.js';
import { ServiceAccountPlugin } from './plugins/service-account.js';
import { TaintNodesByCondition } from './plugins/taint-nodes-by-condition.js';

/** What admission needs from the server. */
export interface AdmissionOptions {
  /** --enable-admission-plugins, --disable-admission-plugins */
  enable: string[];
  disable: string[];
  objects: ObjectAccess;
  authorizer: Authorizer;
  defaultNotReadyTolerationSeconds?: number;
  defaultUnreachableTolerationSeconds?: number;
}

type Factory = (o: AdmissionOptions) => AdmissionPlugin;

const factories: Record<string, Factory> = {
  NamespaceLifecycle: (o) => new NamespaceLifecycle(o.objects),
  ServiceAccount: (o) => new ServiceAccountPlugin(o.objects),
  NodeRestriction: (o) => new NodeRestriction(o.objects),
  TaintNodesByCondition: () => new TaintNodesByCondition(),
  Priority: (o) => new PriorityPlugin(o.objects),
  DefaultTolerationSeconds: (o) =>
    new DefaultTolerationSeconds(o.defaultNotReadyTolerationSeconds, o.defaultUnreachableTolerationSeconds),
};

/**
 * The admission chain for the flags.
 * @throws Error for an unknown plugin, or one that is asked for by name and not part of this server
 */
export function createAdmission(o: AdmissionOptions): AdmissionChain {
  const plugins: AdmissionPlugin[] = [];
  for (const name of enabledPlugins(o.enable, o.disable)) {
    const make = factories[name];
    if (make) plugins.push(make(o));
    else if (o.enable.includes(name)) throw new Error(`admission plugin ${name} is not available in this server`);
  }
  return new AdmissionChain(plugins);
}
