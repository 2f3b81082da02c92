import type { V1Volume } from '@kubelab/api';
import { configMap, downwardApi, projected, secret } from './api-data.js';
import { emptyDir } from './empty-dir.js';
import { gitRepo } from './git-repo.js';
import { hostPath } from './host-path.js';
import { imageVolume } from './image-volume.js';
import { nfs } from './nfs.js';
import { persistent } from './persistent.js';
import type { VolumePlugin } from './types.js';

const plugins: VolumePlugin[] = [
  emptyDir,
  hostPath,
  configMap,
  secret,
  downwardApi,
  projected,
  nfs,
  persistent,
  gitRepo,
  imageVolume,
];

/** The plugin of a volume. Throws, naming the kind, when this node has none for it. */
export function pluginFor(volume: V1Volume): VolumePlugin {
  const plugin = plugins.find((candidate) => candidate.supports(volume));
  if (plugin) return plugin;
  const kinds = Object.keys(volume).filter((key) => key !== 'name');
  // A volume without a source is an emptyDir (API default).
  if (kinds.length === 0) return emptyDir;
  throw new Error(`no volume plugin matched: ${kinds.join(', ')}`);
}
