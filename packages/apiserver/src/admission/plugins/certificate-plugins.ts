import { type KubeObject, semanticEqual } from '@kubelab/apimachinery';
import { parseCsr } from '@kubelab/pki';
import type { AuthorizationAttributes, Authorizer } from '../../authorization/authorizer.js';
import { admissionForbidden } from '../errors.js';
import { only } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

const group = 'certificates.k8s.io';
const isCsr = (a: AdmissionAttributes, subresource: string) =>
  a.resource.group === group && a.resource.resource === 'certificatesigningrequests' && a.subresource === subresource;

const signerOf = (o: KubeObject | undefined) => (o?.spec as { signerName?: string } | undefined)?.signerName ?? '';

/** Whether the user has the verb on the signer, by its full name or its domain's wildcard (`example.com/*`). */
async function mayUseSigner(
  a: AdmissionAttributes,
  authorizer: Authorizer,
  verb: string,
  signer: string,
): Promise<boolean> {
  const attributes = (name: string): AuthorizationAttributes => ({
    user: a.user,
    verb,
    resourceRequest: true,
    apiGroup: group,
    apiVersion: '*',
    resource: 'signers',
    subresource: '',
    namespace: '',
    name,
    path: '',
  });
  const domain = `${signer.split('/')[0] ?? ''}/*`;
  for (const name of [signer, domain]) {
    if ((await authorizer.authorize(attributes(name))).decision === 'allow') return true;
  }
  return false;
}

/** Approving or denying a request needs the verb `approve` on its signer. */
export class CertificateApproval implements AdmissionPlugin {
  readonly name = 'CertificateApproval';
  readonly handles = only('UPDATE');

  constructor(private readonly authorizer: Authorizer) {}

  async validate(a: AdmissionAttributes): Promise<void> {
    if (!isCsr(a, 'approval')) return;
    const signer = signerOf(a.oldObject);
    if (!(await mayUseSigner(a, this.authorizer, 'approve', signer))) {
      throw admissionForbidden(a, `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`);
    }
  }
}

interface CsrStatus {
  certificate?: string;
  conditions?: { type: string }[];
}

/** Issuing the certificate (or the condition Failed) needs the verb `sign` on the signer. */
export class CertificateSigning implements AdmissionPlugin {
  readonly name = 'CertificateSigning';
  readonly handles = only('UPDATE');

  constructor(private readonly authorizer: Authorizer) {}

  async validate(a: AdmissionAttributes): Promise<void> {
    if (!isCsr(a, 'status')) return;
    const status = (o: KubeObject | undefined) => (o?.status ?? {}) as CsrStatus;
    const sameCertificate = (status(a.object).certificate ?? '') === (status(a.oldObject).certificate ?? '');
    if (sameCertificate && semanticEqual(status(a.object).conditions, status(a.oldObject).conditions)) return;
    const signer = signerOf(a.oldObject);
    if (!(await mayUseSigner(a, this.authorizer, 'sign', signer))) {
      throw admissionForbidden(a, `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
    }
  }
}

/** Nobody gets a client certificate of system:masters by a signing request. */
export class CertificateSubjectRestriction implements AdmissionPlugin {
  readonly name = 'CertificateSubjectRestriction';
  readonly handles = only('CREATE');

  async validate(a: AdmissionAttributes): Promise<void> {
    if (!isCsr(a, '') || signerOf(a.object) !== 'kubernetes.io/kube-apiserver-client') return;
    const request = (a.object?.spec as { request?: string } | undefined)?.request ?? '';
    let organizations: string[];
    try {
      organizations = (await parseCsr(Buffer.from(request, 'base64').toString())).organizations;
    } catch (err) {
      throw admissionForbidden(a, `failed to parse CSR: ${(err as Error).message}`);
    }
    if (organizations.includes('system:masters')) {
      throw admissionForbidden(
        a,
        'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
      );
    }
  }
}
