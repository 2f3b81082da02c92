export { csrApprovingController } from './approver.js';
export { csrCleanerController } from './cleaner.js';
export { csrSigningController } from './signer.js';
