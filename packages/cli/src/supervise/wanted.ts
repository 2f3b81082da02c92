import { existsSync, readFileSync } from 'node:fs';
import { writePublicFile } from '@kubelab/pki/files';
import type { Layout } from '../cluster/layout.js';

/**
 * The ids of the processes that were asked for once, and are kept running from then on, over reboots too. What the
 * cluster's files describe is not enough: while a cluster is made, they describe processes that lack their certificates.
 */
export class WantedProcesses {
  private readonly file: string;
  private ids: string[];

  constructor(layout: Layout) {
    this.file = `${layout.stateDir}/supervised.json`;
    this.ids = existsSync(this.file) ? (JSON.parse(readFileSync(this.file, 'utf8')) as string[]) : [];
  }

  has(id: string): boolean {
    return this.ids.includes(id);
  }

  add(id: string): void {
    if (this.has(id)) {
      return;
    }
    this.ids = [...this.ids, id];
    writePublicFile(this.file, JSON.stringify(this.ids));
  }
}
