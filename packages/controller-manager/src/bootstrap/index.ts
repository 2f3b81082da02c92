export { bootstrapSignerController } from './signer.js';
export { tokenCleanerController } from './token-cleaner.js';
