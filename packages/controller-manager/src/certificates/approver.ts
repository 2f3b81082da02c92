import type { V1SubjectAccessReview } from '@kubelab/api';
import { isConflict, nowSecond } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { parseCsr } from '@kubelab/pki';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { CertificateSigningRequest } from '../framework/kinds.js';
import { Reconciler } from '../framework/reconciler.js';
import { isDecided } from './conditions.js';
import { kubeApiserverClientKubelet, kubeletClientProblem } from './signers.js';

/** Approves client certificates for kubelets: a joining machine's first, and a node's own renewals. */
export const csrApprovingController: ControllerDescriptor = {
  name: 'certificatesigningrequest-approving-controller',
  aliases: ['csrapproving'],
  serviceAccount: 'certificate-controller',
  create({ client, informers, logger, options }) {
    const requests = informers.informer<CertificateSigningRequest>(gvr.certificatesigningrequests);

    async function reconcile(name: string): Promise<void> {
      const request = requests.lister.get(undefined, name);
      if (!request || request.status?.certificate || isDecided(request)) return;
      if (request.spec.signerName !== kubeApiserverClientKubelet) return;
      const csr = await parseCsr(Buffer.from(request.spec.request, 'base64').toString('utf8'));
      if (kubeletClientProblem(csr, request.spec.usages ?? []) !== undefined) return;
      const isOwn = csr.commonName === request.spec.username;
      // A node may renew its own certificate; a bootstrapper may ask for any node's.
      const attempts = [
        ...(isOwn
          ? [
              {
                subresource: 'selfnodeclient',
                message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
              },
            ]
          : []),
        { subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' },
      ];
      for (const { subresource, message } of attempts) {
        if (!(await isAllowed(request, subresource))) continue;
        await approve(request, message);
        return;
      }
      throw new Error(
        `recognized csr "${name}" as [selfnodeclient nodeclient] but subject access review was not approved`,
      );
    }

    async function isAllowed(request: CertificateSigningRequest, subresource: string): Promise<boolean> {
      const review = await client.resource<V1SubjectAccessReview>(gvr.subjectaccessreviews).create({
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user: request.spec.username,
          uid: request.spec.uid,
          groups: request.spec.groups,
          extra: request.spec.extra,
          resourceAttributes: {
            group: 'certificates.k8s.io',
            resource: 'certificatesigningrequests',
            verb: 'create',
            subresource,
            version: '*',
          },
        },
      });
      return review.status?.allowed === true;
    }

    async function approve(request: CertificateSigningRequest, message: string): Promise<void> {
      const now = nowSecond();
      const condition = {
        type: 'Approved',
        status: 'True',
        reason: 'AutoApproved',
        message,
        lastUpdateTime: now,
        lastTransitionTime: now,
      };
      const approved = {
        ...request,
        status: { ...request.status, conditions: [...(request.status?.conditions ?? []), condition] },
      };
      try {
        await client
          .resource(gvr.certificatesigningrequests)
          .subresource(request.metadata.name, 'approval', 'PUT', approved);
      } catch (error) {
        // Someone else decided meanwhile: the event brings us back to look.
        if (!isConflict(error)) throw error;
      }
    }

    return new Reconciler({
      name: 'certificatesigningrequest-approving-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    }).watch(requests, (request) => [request.metadata.name]);
  },
};
