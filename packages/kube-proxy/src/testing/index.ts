export { ipvsMode, Stage, type TrafficCase, trafficTests } from '../traffic/index.js';
export { Lab } from './lab.js';
export { readTable } from './nft-table.js';
export { endpoint, service, slice } from './objects.js';
export { hasUml, runInUml, type UmlResult } from './uml.js';
