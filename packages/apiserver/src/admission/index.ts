export * from './build.js';
export * from './chain.js';
export { readAdmissionConfiguration } from './configuration.js';
export * from './errors.js';
export { checkAdmissionExpressions } from './expression-strategy.js';
export * from './plugin.js';
export { type ImagePolicyOptions, ImagePolicyWebhook } from './plugins/image-policy.js';
export { WebhookClient } from './webhook/client.js';
