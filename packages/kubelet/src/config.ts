import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Quantity } from '@kubelab/apimachinery';
import { OptionError, type OptionValues } from '@kubelab/component-base';
import { parseResourceList } from './node/allocatable.js';
import { detectNodeIp } from './node/machine.js';
import { parseLabels, parseTaints } from './node/registration.js';

/** The flags, checked and completed. */
export function compileConfig(options: OptionValues) {
  const rootDir = options.string('root-dir');
  const below = (flag: string, name: string) => options.optionalString(flag) ?? join(rootDir, name);
  const given = options.strings('node-ip');
  const detected = given.length > 0 ? given : [detectNodeIp() ?? ''].filter(Boolean);
  if (detected.length === 0) throw new OptionError('the address of this node can’t be told: give --node-ip');
  for (const ip of detected) if (isIP(ip) === 0) throw new OptionError(`--node-ip: ${ip} is not an IP address`);
  const parse = <T>(flag: string, work: (items: string[]) => T): T => {
    try {
      return work(options.strings(flag));
    } catch (cause) {
      throw new OptionError(`--${flag}: ${(cause as Error).message}`, { cause });
    }
  };
  const logSize = Quantity.tryParse(options.string('container-log-max-size'));
  if (!logSize) throw new OptionError('--container-log-max-size is not a quantity');
  return {
    options,
    nodeName: (options.optionalString('hostname-override') ?? hostname()).toLowerCase().trim(),
    nodeIps: detected,
    rootDir,
    certDir: below('cert-dir', 'pki'),
    podLogsDir: below('pod-logs-dir', 'pod-logs'),
    devicePluginDir: below('device-plugin-dir', 'device-plugins'),
    ipamDir: below('cni-ipam-dir', 'cni-ipam'),
    labels: parse('node-labels', parseLabels),
    taints: parse('register-with-taints', parseTaints),
    kubeReserved: parse('kube-reserved', parseResourceList),
    systemReserved: parse('system-reserved', parseResourceList),
    logMaxBytes: Number(logSize.value()),
  };
}

export type KubeletConfig = ReturnType<typeof compileConfig>;
