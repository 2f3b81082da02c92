import type { FileSystemUse } from '../node/machine.js';
import { fileSystemUse } from '../node/machine.js';
import { diskUsage } from './disk-usage.js';

/** A volume whose use can be told. */
export interface MeasuredVolume {
  name: string;
  dir: string;
  /** A file system of its own (tmpfs, local, nfs): it is asked; else the files of a folder of the node are added up. */
  ownFileSystem: boolean;
  /** Counts towards the pod's ephemeral storage. */
  ephemeral: boolean;
  /** Name of the claim, for persistent volumes. */
  claim?: string;
}

export interface VolumeUse {
  name: string;
  usedBytes: number;
  inodesUsed: number;
  ephemeral: boolean;
  /** Of the volume's own file system; absent for a folder of the node's. */
  fileSystem?: FileSystemUse;
  claim?: string;
}

/** What a volume takes; undefined when it is not there (yet, or any more). */
export async function volumeUse(volume: MeasuredVolume): Promise<VolumeUse | undefined> {
  const { name, dir, ownFileSystem, ephemeral, claim } = volume;
  const common = { name, ephemeral, ...(claim ? { claim } : {}) };
  if (!ownFileSystem) {
    const { bytes, inodes } = await diskUsage(dir);
    return inodes > 0 ? { ...common, usedBytes: bytes, inodesUsed: inodes } : undefined;
  }
  const use = await fileSystemUse(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!use) return undefined;
  return { ...common, usedBytes: use.usedBytes, inodesUsed: use.inodes - use.inodesFree, fileSystem: use };
}
