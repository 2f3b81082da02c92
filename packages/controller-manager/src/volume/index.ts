export { persistentVolumeBinderController } from './binder.js';
export { ephemeralVolumeController } from './ephemeral.js';
export { claimProtectionController, volumeProtectionController } from './protection.js';
