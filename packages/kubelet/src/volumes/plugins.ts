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

const kindsOf = (volume: V1Volume) => Object.keys(volume).filter((key) => key !== 'name');

/** The plugin of a volume; undefined when this node has none for its kind. */
export function findPlugin(volume: V1Volume): VolumePlugin | undefined {
  // A volume without a source is an emptyDir (API default).
  if (kindsOf(volume).length === 0) return emptyDir;
  return plugins.find((candidate) => candidate.supports(volume));
}

/** The plugin of a volume. Throws, naming the kind, when this node has none for it. */
export function pluginFor(volume: V1Volume): VolumePlugin {
  const plugin = findPlugin(volume);
  if (!plugin) throw new Error(`no volume plugin matched: ${kindsOf(volume).join(', ')}`);
  return plugin;
}
