export { parseEncryptionConfig, type ResourceEncryption, readEncryptionConfig } from './encryption-config.js';
export { EncryptionTransformer, type ResourceOfKey } from './encryption-transformer.js';
