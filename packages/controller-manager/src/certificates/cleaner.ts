import { X509Certificate } from 'node:crypto';
import type { V1CertificateSigningRequest } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { Controller, ControllerDescriptor } from '../framework/controller.js';
import type { CertificateSigningRequest } from '../framework/kinds.js';
import { everyPeriod, waitForSync } from '../framework/reconciler.js';

const hourMs = 3_600_000;
const approvedMs = hourMs;
const deniedMs = hourMs;
const failedMs = hourMs;
const pendingMs = 24 * hourMs;
const periodMs = hourMs;

/** Why a request is no longer of use; undefined to keep it. */
export function cleanupReason(request: CertificateSigningRequest, nowMs: number): string | undefined {
  const older = (time: string | undefined, ms: number): boolean => time !== undefined && nowMs - Date.parse(time) > ms;
  const conditions = request.status?.conditions ?? [];
  const certificate = request.status?.certificate;
  for (const { type, lastUpdateTime, lastTransitionTime } of conditions) {
    const time = lastUpdateTime ?? lastTransitionTime;
    if (type === 'Approved' && certificate && older(time, approvedMs)) return 'issued';
    if (type === 'Approved' && !certificate && older(time, pendingMs)) return 'approved but never issued';
    if (type === 'Denied' && older(time, deniedMs)) return 'denied';
    if (type === 'Failed' && older(time, failedMs)) return 'failed';
  }
  if (conditions.length === 0 && older(request.metadata.creationTimestamp, pendingMs)) return 'pending too long';
  if (certificate && isExpired(certificate, nowMs)) return 'certificate expired';
  return undefined;
}

function isExpired(base64: string, nowMs: number): boolean {
  try {
    return Date.parse(new X509Certificate(Buffer.from(base64, 'base64')).validTo) < nowMs;
  } catch {
    // Another signer may have put anything there; what cannot be read cannot be called expired.
    return false;
  }
}

/** Deletes certificate requests that are long settled, or that nobody answers. */
export const csrCleanerController: ControllerDescriptor = {
  name: 'certificatesigningrequest-cleaner-controller',
  aliases: ['csrcleaner'],
  serviceAccount: 'certificate-controller',
  create({ client, informers, logger }): Controller {
    const requests = informers.informer<CertificateSigningRequest>(gvr.certificatesigningrequests);
    const requestClient = client.resource<V1CertificateSigningRequest>(gvr.certificatesigningrequests);

    async function clean(): Promise<void> {
      for (const request of requests.lister.list()) {
        const reason = cleanupReason(request, Date.now());
        if (!reason) continue;
        logger.info('Certificate request deleted', { name: request.metadata.name, reason });
        try {
          await requestClient.delete(request.metadata.name);
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }
    }

    return {
      async run(signal) {
        await waitForSync([requests], signal);
        await everyPeriod(periodMs, signal, logger, clean);
      },
    };
  },
};
