import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthenticationV1TokenRequest, V1ServiceAccount } from '@kubelab/api';
import { isAlreadyExists } from '@kubelab/apimachinery';
import { Client, type ClientConfig, delay, gvr } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';

const namespace = 'kube-system';
const tokenSeconds = 3600;
/** Renewed after this share of its life, as the kubelet does. */
const renewAt = 0.8;
const retryMs = 10_000;
const firstRetryMs = 1000;
const directoryPrefix = 'kubelab-controller-tokens-';

/**
 * Clients with the credentials of a controller's own service account in kube-system (system:controller:NAME). Tokens
 * are kept in a private directory, from where the client reads them again, and are renewed before they expire.
 */
export class ServiceAccountClients {
  private readonly directory = mkdtempSync(join(tmpdir(), `${directoryPrefix}${process.pid}-`));
  private readonly clients = new Map<string, Promise<Client>>();

  constructor(
    private readonly base: ClientConfig,
    private readonly root: Client,
    private readonly logger: Logger,
    private readonly signal: AbortSignal,
  ) {
    chmodSync(this.directory, 0o700);
    removeLeftOvers();
  }

  client(account: string): Promise<Client> {
    let client = this.clients.get(account);
    if (!client) {
      client = this.create(account);
      this.clients.set(account, client);
    }
    return client;
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async create(account: string): Promise<Client> {
    const tokenFile = join(this.directory, account);
    const expiresInMs = await this.firstToken(account, tokenFile);
    this.keepFresh(account, tokenFile, expiresInMs).catch((error) =>
      this.logger.error('Service account token is no longer renewed', { account, error }),
    );
    const { certPem, certFile, keyPem, keyFile, token, impersonate, ...config } = this.base;
    return new Client({ ...config, tokenFile, userAgent: `kube-controller-manager/${account}` });
  }

  /** An API server that has just started may not have its default roles yet: tries until it has, or until stopped. */
  private async firstToken(account: string, tokenFile: string): Promise<number> {
    for (;;) {
      try {
        await this.ensureAccount(account);
        return await this.renew(account, tokenFile);
      } catch (error) {
        if (this.signal.aborted) throw error;
        this.logger.warn('No service account token yet, will retry', { account, error });
        await delay(firstRetryMs, this.signal);
      }
    }
  }

  private async ensureAccount(name: string): Promise<void> {
    try {
      await this.root.resource<V1ServiceAccount>(gvr.serviceaccounts).namespace(namespace).create({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name, namespace },
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  /** Returns after how many milliseconds to renew again. */
  private async renew(account: string, tokenFile: string): Promise<number> {
    const request: AuthenticationV1TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [], expirationSeconds: tokenSeconds },
    };
    const reply = await this.root
      .resource(gvr.serviceaccounts)
      .namespace(namespace)
      .subresource<AuthenticationV1TokenRequest>(account, 'token', 'POST', request);
    if (!reply.status) throw new Error(`the API server gave no token for service account ${namespace}/${account}`);
    writeFileSync(`${tokenFile}.new`, reply.status.token, { mode: 0o600 });
    renameSync(`${tokenFile}.new`, tokenFile);
    return (Date.parse(reply.status.expirationTimestamp) - Date.now()) * renewAt;
  }

  private async keepFresh(account: string, tokenFile: string, firstMs: number): Promise<void> {
    let waitMs = firstMs;
    for (;;) {
      await delay(Math.max(waitMs, 1000), this.signal);
      if (this.signal.aborted) return;
      try {
        waitMs = await this.renew(account, tokenFile);
      } catch (error) {
        this.logger.warn('Service account token could not be renewed', { account, error });
        waitMs = retryMs;
      }
    }
  }
}

/** A killed manager could not remove its tokens; the next one on the machine does. */
function removeLeftOvers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(directoryPrefix)) continue;
    const pid = Number.parseInt(name.slice(directoryPrefix.length), 10);
    if (pid > 0 && !isRunning(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
