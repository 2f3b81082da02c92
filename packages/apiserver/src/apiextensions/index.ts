export { CustomResourceController } from './controller.js';
export { decodeCustomResource } from './decode.js';
export { completeDefinitionEntry } from './definition-strategy.js';
