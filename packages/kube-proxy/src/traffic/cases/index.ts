import type { TrafficCase } from '../case.js';
import { clusterIp } from './cluster-ip.js';
import { deletedService } from './deleted-service.js';
import { dualStack } from './dual-stack.js';
import { externalPolicyLocal } from './external-policy-local.js';
import { hints } from './hints.js';
import { internalPolicyLocal } from './internal-policy-local.js';
import { ipv6 } from './ipv6.js';
import { loadBalancerLocal } from './load-balancer-local.js';
import { masquerade } from './masquerade.js';
import { noEndpoints } from './no-endpoints.js';
import { nodePort } from './node-port.js';
import { refusedService } from './refused-service.js';
import { sctp } from './sctp.js';
import { sessionAffinity } from './session-affinity.js';
import { sourceRanges } from './source-ranges.js';
import { targetPorts } from './target-ports.js';
import { tcpConnections } from './tcp-connections.js';
import { terminating } from './terminating.js';
import { udpEnding } from './udp-ending.js';
import { udpFlows } from './udp-flows.js';
import { unknownPort } from './unknown-port.js';

/** What Services do, whatever the mode. Each has addresses of its own: 10.96.0.N, node port 30000 + N, N from 1 to 22. */
export const cases: TrafficCase[] = [
  clusterIp,
  masquerade,
  nodePort,
  unknownPort,
  noEndpoints,
  externalPolicyLocal,
  internalPolicyLocal,
  sourceRanges,
  sessionAffinity,
  terminating,
  tcpConnections,
  udpFlows,
  udpEnding,
  hints,
  targetPorts,
  sctp,
  dualStack,
  ipv6,
  loadBalancerLocal,
  refusedService,
  deletedService,
];
