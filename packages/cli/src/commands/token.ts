import { readFileSync } from 'node:fs';
import { Client, loadKubeconfig } from '@kubelab/client';
import type { OptionValues } from '@kubelab/component-base';
import { caCertHash } from '@kubelab/pki';
import { apiServerUrl } from '../cluster/config.js';
import { type Command, UsageError } from '../command.js';
import { createToken, deleteToken, listTokens } from '../phases/token.js';
import { clusterOption, existingCluster } from './cluster-option.js';

function clientFor(options: OptionValues): Client {
  return new Client({ ...loadKubeconfig(existingCluster(options).layout.adminKubeconfig), userAgent: 'kubelab' });
}

export const tokenCreate: Command = {
  name: 'token create',
  arguments: '[TOKEN]',
  summary: 'Create a bootstrap token, of its own making or the one given, and print the join command',
  options: {
    ...clusterOption,
    ttl: { type: 'duration', default: '24h', description: 'How long the token holds; 0 is for ever' },
    description: { type: 'string', default: '', description: 'Note kept with the token' },
  },
  async run(options, [given]) {
    const { layout, config } = existingCluster(options);
    const { token } = await createToken(
      clientFor(options),
      options.durationMs('ttl'),
      options.string('description'),
      given,
    );
    const hash = caCertHash(readFileSync(`${layout.pkiDir}/ca.crt`, 'utf8'));
    process.stdout.write(
      `scripts/kubelab join --server=${apiServerUrl(config)} --token=${token} --ca-cert-hash=${hash}\n`,
    );
  },
};

export const tokenList: Command = {
  name: 'token list',
  summary: 'List the bootstrap tokens (their ids; the secrets are not shown)',
  options: clusterOption,
  async run(options) {
    process.stdout.write('ID      EXPIRES               DESCRIPTION\n');
    for (const token of await listTokens(clientFor(options))) {
      process.stdout.write(`${token.id}  ${(token.expiresAt ?? 'never').padEnd(20)}  ${token.description ?? ''}\n`);
    }
  },
};

export const tokenDelete: Command = {
  name: 'token delete',
  arguments: 'ID',
  summary: 'Delete a bootstrap token',
  options: clusterOption,
  async run(options, [id]) {
    if (!id) {
      throw new UsageError('which token? Give its id');
    }
    await deleteToken(clientFor(options), id);
    process.stdout.write(`token ${id.split('.')[0]} deleted\n`);
  },
};
