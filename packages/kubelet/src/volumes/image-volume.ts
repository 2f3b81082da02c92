import type { VolumePlugin } from './types.js';

/** image: the content of an image, mounted read-only by the runtime (KEP-4639). */
export const imageVolume: VolumePlugin = {
  folder: 'kubernetes.io~image',
  supports: (volume) => volume.image !== undefined && volume.image !== null,
  async setUp({ volume, pod, objects }) {
    const reference = volume.image?.reference;
    if (!reference) throw new Error('image volume has no reference');
    const image = await objects.ensureImage(pod, reference, volume.image?.pullPolicy);
    return { hostPath: '', readOnly: true, image };
  },
};
