import { endpoint } from '../testing/objects.js';

/** The endpoints of the lab, and how they end. */
export const p1 = endpoint('10.244.1.11', 'node1');
export const p2 = endpoint('10.244.1.12', 'node1');
export const far = endpoint('10.244.2.11', 'node2');
const ending = { conditions: { ready: false, serving: true, terminating: true } };
export const p1Ending = endpoint('10.244.1.11', 'node1', ending);

/** A spec of a Service with a node port. */
export const nodePort = (port: number) => ({ type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: port }] });

/** The ports of a slice of UDP endpoints. */
export const udpPorts = [{ name: 'u', port: 8080, protocol: 'UDP' }];
