import { OptionError, type OptionSpecs, type OptionValues } from '@kubelab/component-base';
import { familyOfCidr } from '../model/address.js';
import type { IpvsOptions } from './options.js';

/** kube-proxy's flags of the IPVS mode. */
export const ipvsOptionSpecs: OptionSpecs = {
  'ipvs-scheduler': { type: 'string', default: '', description: 'IPVS mode: scheduler; default rr' },
  'ipvs-exclude-cidrs': {
    type: 'string[]',
    default: [],
    description: 'IPVS mode: CIDRs whose virtual servers are left alone when the mode cleans up',
  },
  'ipvs-strict-arp': {
    type: 'boolean',
    default: false,
    description: 'IPVS mode: arp_ignore=1 and arp_announce=2, as load balancers that answer ARP need it',
  },
  'ipvs-tcp-timeout': { type: 'duration', default: '0s', description: 'IPVS mode: idle TCP connections; 0: as it is' },
  'ipvs-tcpfin-timeout': {
    type: 'duration',
    default: '0s',
    description: 'IPVS mode: TCP connections after a FIN; 0: as it is',
  },
  'ipvs-udp-timeout': { type: 'duration', default: '0s', description: 'IPVS mode: UDP flows; 0: as it is' },
  'ipvs-min-sync-period': {
    type: 'duration',
    default: '100ms',
    description: 'IPVS mode: shortest time between two changes',
  },
  'ipvs-sync-period': {
    type: 'duration',
    default: '30s',
    description: 'IPVS mode: interval of the comparison with the kernel',
  },
};

/** The options as given. Throws OptionError. */
export function ipvsOptions(o: OptionValues): IpvsOptions {
  const excludeCidrs = o.strings('ipvs-exclude-cidrs');
  for (const c of excludeCidrs) {
    if (!familyOfCidr(c)) throw new OptionError(`--ipvs-exclude-cidrs: ${JSON.stringify(c)} is not a CIDR`);
  }
  const seconds = (flag: string) => o.durationMs(flag) / 1000;
  return {
    ...(o.string('ipvs-scheduler') ? { scheduler: o.string('ipvs-scheduler') } : {}),
    excludeCidrs,
    strictArp: o.boolean('ipvs-strict-arp'),
    tcpTimeout: seconds('ipvs-tcp-timeout'),
    tcpFinTimeout: seconds('ipvs-tcpfin-timeout'),
    udpTimeout: seconds('ipvs-udp-timeout'),
  };
}
