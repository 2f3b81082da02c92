import { statfs } from 'node:fs/promises';
import type { ImageFsInfoResponse } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { toCriError } from '../docker/errors.js';
import { nowNanos } from '../time.js';

/** Docker adds up all layers for this: not more often than the kubelet asks. */
const maxAgeMs = 10_000;

/** What images and containers take of the disk they are on. */
export class ImageFsInfo {
  #cached: { at: number; answer: Promise<ImageFsInfoResponse> } | undefined;

  constructor(private readonly context: RuntimeContext) {}

  get(): Promise<ImageFsInfoResponse> {
    if (!this.#cached || Date.now() - this.#cached.at > maxAgeMs) {
      const answer = this.#measure();
      this.#cached = { at: Date.now(), answer };
      answer.catch(() => {
        this.#cached = undefined;
      });
    }
    return this.#cached.answer;
  }

  async #measure(): Promise<ImageFsInfoResponse> {
    const docker = this.context.docker.quick;
    try {
      const [info, usage] = await Promise.all([this.context.info.get(), docker.df()]);
      const root = info.DockerRootDir;
      const { LayersSize: layers = 0 } = usage as { LayersSize?: number };
      const files = await statfs(root);
      const common = { timestamp: nowNanos(), fs_id: { mountpoint: root } };
      const inodes = { value: Math.max(0, files.files - files.ffree) };
      // One store holds images and writable layers, so both answers are about the same disk.
      const entry = { ...common, used_bytes: { value: layers }, inodes_used: inodes };
      return { image_filesystems: [entry], container_filesystems: [entry] };
    } catch (error) {
      throw toCriError(error, 'measure image file system');
    }
  }
}
