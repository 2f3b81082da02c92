import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setServiceDefaults } from '../defaults/core.js';
import type { V1Service, V1ServiceSpec } from '../generated/types.js';
import { serviceWarnings } from './service-warnings.js';

function service(spec: V1ServiceSpec, annotations?: Record<string, string>): V1Service {
  const s: V1Service = {
    metadata: { name: 's', ...(annotations && { annotations }) },
    spec: { ports: [{ port: 80 }], ...spec },
  };
  setServiceDefaults(s);
  return s;
}
const mode = 'service.kubernetes.io/topology-mode';
const hints = 'service.kubernetes.io/topology-aware-hints';

describe('services', () => {
  it('warn of what is ignored or spelled badly', () => {
    const cases: [string[], V1ServiceSpec, Record<string, string>?][] = [
      [[], { externalIPs: ['192.0.2.1', '2001:db8::1'], loadBalancerSourceRanges: ['10.0.0.0/8', '2001:db8::/32'] }],
      [[`annotation ${hints} is deprecated, please use ${mode} instead`], {}, { [hints]: 'Auto' }],
      [
        [
          'spec.loadBalancerIP is ignored for headless services',
          'spec.externalIPs is ignored for headless services',
          'spec.SessionAffinity is ignored for headless services',
        ],
        { clusterIP: 'None', loadBalancerIP: '192.0.2.1', externalIPs: ['192.0.2.1'], sessionAffinity: 'ClientIP' },
      ],
      [
        ['spec.externalIPs[0]: IPv6 address "2001:DB8:0::1" should be in RFC 5952 canonical format ("2001:db8::1")'],
        { externalIPs: ['2001:DB8:0::1'] },
      ],
      [
        [
          'spec.externalIPs[0]: non-standard IP address "::ffff:192.0.2.1" will be considered invalid in a future Kubernetes release: use "192.0.2.1"',
        ],
        { externalIPs: ['::ffff:192.0.2.1'] },
      ],
      [
        [
          'spec.loadBalancerSourceRanges[0]: CIDR value "10.1.2.3/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.1.2.3/32"?)',
          'spec.loadBalancerSourceRanges[1]: CIDR value "2001:db8:1::1/32" is ambiguous in this context (should be "2001:db8::/32" or "2001:db8:1::1/128"?)',
          'spec.loadBalancerSourceRanges[2]: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format ("2001:db8::/32")',
        ],
        { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.1.2.3/8', '2001:db8:1::1/32', '2001:DB8::/32'] },
      ],
      [
        ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
        { type: 'ExternalName', externalName: 'a.b', externalIPs: ['192.0.2.1'] },
      ],
      [['spec.externalName is ignored when spec.type is not "ExternalName"'], { externalName: 'a.b' }],
    ];
    for (const [expected, spec, annotations] of cases) {
      assert.deepEqual(serviceWarnings(service(spec, annotations)), expected);
    }
  });
});
