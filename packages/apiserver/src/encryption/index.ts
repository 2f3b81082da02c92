export { createTransformer } from './create-transformer.js';
export { parseEncryptionConfig, type ResourceEncryption, readEncryptionConfig } from './encryption-config.js';
export { EncryptionTransformer, type ResourceOfKey } from './encryption-transformer.js';
