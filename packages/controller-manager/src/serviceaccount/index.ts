export { serviceAccountController } from './default-account.js';
export { legacyTokenCleanerController } from './legacy-token-cleaner.js';
export { serviceAccountTokenController } from './token-secrets.js';
