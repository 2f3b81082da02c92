export { persistentVolumeBinderController } from './binder.js';
export { ephemeralVolumeController } from './ephemeral.js';
export { volumeExpanderController } from './expand.js';
export { claimProtectionController, volumeProtectionController } from './protection.js';
