import type { V1CertificateSigningRequest } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { parseCsr, signCsr } from '@kubelab/pki';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { CertificateSigningRequest } from '../framework/kinds.js';
import { Reconciler } from '../framework/reconciler.js';
import { hasCondition, isApproved } from './conditions.js';
import { signerChecks } from './signers.js';

/** Signs approved requests of the four built-in signers with the cluster's CA. */
export const csrSigningController: ControllerDescriptor = {
  name: 'certificatesigningrequest-signing-controller',
  aliases: ['csrsigning'],
  serviceAccount: 'certificate-controller',
  create({ client, informers, logger, options }) {
    const ca = options.signingCa;
    if (!ca) return undefined;
    const requests = informers.informer<CertificateSigningRequest>(gvr.certificatesigningrequests);
    const requestClient = client.resource<V1CertificateSigningRequest>(gvr.certificatesigningrequests);

    async function reconcile(name: string): Promise<void> {
      const request = requests.lister.get(undefined, name);
      if (!request || request.status?.certificate || !isApproved(request) || hasCondition(request, 'Failed')) return;
      const check = signerChecks[request.spec.signerName];
      if (!check) return;
      const usages = request.spec.usages ?? [];
      const pem = Buffer.from(request.spec.request, 'base64').toString('utf8');
      const problem = check(await parseCsr(pem), usages);
      if (problem) {
        await fail(request, problem);
        return;
      }
      const certificate = await signCsr(ca as NonNullable<typeof ca>, pem, {
        usages,
        expirationSeconds: lifetimeSeconds(request.spec.expirationSeconds, options.clusterSigningDurationMs),
      });
      await requestClient.updateStatus({
        ...request,
        status: { ...request.status, certificate: Buffer.from(certificate).toString('base64') },
      });
    }

    async function fail(request: CertificateSigningRequest, message: string): Promise<void> {
      const now = nowSecond();
      const condition = {
        type: 'Failed',
        status: 'True',
        reason: 'SignerValidationFailure',
        message,
        lastUpdateTime: now,
        lastTransitionTime: now,
      };
      const conditions = [...(request.status?.conditions ?? []), condition];
      await requestClient.updateStatus({ ...request, status: { ...request.status, conditions } });
    }

    return new Reconciler({
      name: 'certificatesigningrequest-signing-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    }).watch(requests, (request) => [request.metadata.name]);
  },
};

/** What was asked for, at least ten minutes and at most what the cluster allows. */
export function lifetimeSeconds(asked: number | undefined, maxMs: number): number {
  const max = maxMs / 1000;
  return asked === undefined ? max : Math.min(max, Math.max(600, asked));
}
