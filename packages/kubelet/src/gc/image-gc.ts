import type { Logger } from '@kubelab/component-base';
import type { CriClient } from '@kubelab/cri';
import type { FileSystemUse } from '../node/machine.js';

export interface ImageGcOptions {
  cri: CriClient;
  logger: Logger;
  /** Percent of disk use at which to begin, and down to which to go on. */
  highPercent: number;
  lowPercent: number;
  minimumAgeMs: number;
  fileSystem(): Promise<FileSystemUse>;
  event(type: 'Warning', reason: string, message: string): void;
  now?: () => number;
}

interface Record {
  firstSeen: number;
  lastUsed: number;
}

/** Removes images nobody uses when the disk is full, those not used for longest first. */
export class ImageGc {
  private readonly records = new Map<string, Record>();
  private readonly now: () => number;

  constructor(private readonly options: ImageGcOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Looks at the disk, and frees what is needed. */
  async collect(): Promise<void> {
    await this.detect();
    const { capacityBytes, availableBytes } = await this.options.fileSystem();
    if (capacityBytes === 0) return;
    const usedPercent = 100 - Math.floor((availableBytes * 100) / capacityBytes);
    if (usedPercent < this.options.highPercent) return;
    const wanted = (capacityBytes * (100 - this.options.lowPercent)) / 100 - availableBytes;
    const freed = await this.free(wanted);
    if (freed >= wanted) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${Math.round(wanted)} bytes, but only found ${freed} bytes eligible to free.`;
    this.options.event('Warning', 'FreeDiskSpaceFailed', message);
  }

  /** Removes every unused image, whatever the disk says: for eviction. */
  async collectAll(): Promise<number> {
    await this.detect();
    return this.free(Number.POSITIVE_INFINITY);
  }

  private async detect(): Promise<{ id: string; size: number; pinned: boolean; used: boolean }[]> {
    const { cri } = this.options;
    const [{ images }, { containers }] = await Promise.all([cri.listImages({}), cri.listContainers({})]);
    const used = new Set(containers.flatMap((item) => [item.image_ref, item.image_id, item.image?.image ?? '']));
    const now = this.now();
    const alive = new Set<string>();
    const found = images.map((image) => {
      alive.add(image.id);
      const inUse = used.has(image.id) || [...image.repo_digests, ...image.repo_tags].some((name) => used.has(name));
      const record = this.records.get(image.id) ?? { firstSeen: now, lastUsed: 0 };
      if (inUse) record.lastUsed = now;
      this.records.set(image.id, record);
      return { id: image.id, size: Number(image.size), pinned: image.pinned, used: inUse };
    });
    for (const id of this.records.keys()) if (!alive.has(id)) this.records.delete(id);
    return found;
  }

  private async free(wanted: number): Promise<number> {
    const images = (await this.detect()).filter((image) => !image.used && !image.pinned);
    const record = (id: string) => this.records.get(id) ?? { firstSeen: 0, lastUsed: 0 };
    images.sort(
      (a, b) => record(a.id).lastUsed - record(b.id).lastUsed || record(a.id).firstSeen - record(b.id).firstSeen,
    );
    let freed = 0;
    for (const image of images) {
      if (freed >= wanted) break;
      if (this.now() - record(image.id).firstSeen < this.options.minimumAgeMs) continue;
      try {
        await this.options.cri.removeImage({ image: { image: image.id } });
        freed += image.size;
      } catch (error) {
        this.options.logger.info('Image could not be removed', { image: image.id, error });
      }
    }
    return freed;
  }
}
