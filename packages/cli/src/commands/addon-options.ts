import { isIP, isIPv4 } from 'node:net';
import type { OptionSpecs, OptionValues } from '@kubelab/component-base';
import { checkAddonNames } from '../cluster/addons.js';
import type { ClusterConfig } from '../cluster/config.js';
import { type ExtraConfig, extraConfigComponents, withExtraConfig } from '../cluster/extra-config.js';
import { UsageError } from '../command.js';

/** Options that may also be given for a cluster that is there, and change it. */
export const addonOptions: OptionSpecs = {
  addon: { type: 'string[]', default: [], description: 'Addon to enable, as `kubelab addon enable` does: ingress' },
  'load-balancer-pool': {
    type: 'string[]',
    default: [],
    description:
      "Addresses on the nodes' network for Services of type LoadBalancer: CIDRs or FIRST-LAST, IPv4 and IPv6; none: the nodes' own",
  },
  'extra-config': {
    type: 'stringArray',
    default: [],
    description: `Flag of a process, COMPONENT.FLAG=VALUE, or without VALUE to take it back: ${extraConfigComponents.join(', ')}`,
  },
};

/** The configuration with the addons, the pool and the flags that the options name. Throws a UsageError for what is none. */
export function withAddonOptions(config: ClusterConfig, options: OptionValues): ClusterConfig {
  const named = options.strings('addon');
  checkAddonNames(named);
  const pool = options.isSet('load-balancer-pool') ? options.strings('load-balancer-pool') : config.loadBalancerPool;
  const wrong = pool.find((range) => !isRange(range));
  if (wrong !== undefined) {
    throw new UsageError(`--load-balancer-pool: ${JSON.stringify(wrong)} is no range of IP addresses`);
  }
  let extraConfig: ExtraConfig;
  try {
    extraConfig = withExtraConfig(config.extraConfig, options.strings('extra-config'));
  } catch (cause) {
    throw new UsageError(`--extra-config: ${(cause as Error).message}`, { cause });
  }
  return { ...config, extraConfig, addons: [...new Set([...config.addons, ...named])], loadBalancerPool: pool };
}

/** `192.168.1.240/28`, `fd00::100-fd00::1ff`, or one address, as the controller manager reads them. */
function isRange(text: string): boolean {
  const [first = '', last, ...more] = text.split('-');
  if (last !== undefined) return more.length === 0 && isIP(first) !== 0 && isIP(first) === isIP(last);
  const [ip = '', length, ...rest] = text.split('/');
  const width = isIPv4(ip) ? 32 : 128;
  const bits = Number(length ?? width);
  return rest.length === 0 && isIP(ip) !== 0 && /^\d+$/.test(length ?? '0') && bits >= 8 && bits <= width;
}
