import { FieldPath, field, isDns1123Subdomain } from '@kubelab/apimachinery';
import type { V1CertificateSigningRequest, V1CertificateSigningRequestCondition } from '../generated/types.js';
import { type Errors, each, list, semanticEqual } from './common.js';

const SPEC = FieldPath.of('spec');
const CONDITIONS = FieldPath.of('status', 'conditions');
const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

function validateSignerName(name: string | undefined, path: FieldPath, errors: Errors): void {
  if (!name) {
    errors.push(field.required(path, ''));
    return;
  }
  const [domain = '', ...rest] = name.split('/');
  if (rest.length !== 1) {
    errors.push(
      field.invalid(path, name, 'must be a fully qualified domain and path of the form "example.com/signer-name"'),
    );
    return;
  }
  for (const m of isDns1123Subdomain(domain)) {
    errors.push(field.invalid(path, domain, `validating label ${JSON.stringify(domain)}: ${m}`));
  }
  if (!domain.includes('.')) {
    errors.push(field.invalid(path, domain, 'should be a domain with at least two segments separated by dots'));
  }
  const part = rest[0] ?? '';
  if (part === '' || isDns1123Subdomain(part.toLowerCase()).length > 0) {
    errors.push(field.invalid(path, part, 'validating label: must be a DNS subdomain'));
  }
}

function isRequestPem(base64: string): boolean {
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  return /-----BEGIN (NEW )?CERTIFICATE REQUEST-----[\s\S]+-----END (NEW )?CERTIFICATE REQUEST-----/.test(pem);
}

function validateConditions(conditions: V1CertificateSigningRequestCondition[] | undefined, errors: Errors): void {
  const seen = new Set<string>();
  each(conditions, (c, i) => {
    const p = CONDITIONS.index(i);
    if (!c.type) errors.push(field.required(p.child('type'), ''));
    if (['Approved', 'Denied', 'Failed'].includes(c.type)) {
      if (c.status !== 'True') {
        if (!c.status) errors.push(field.required(p.child('status'), ''));
        else errors.push(field.invalid(p.child('status'), c.status, `${c.type} condition status must be "True"`));
      }
    } else if (!['True', 'False', 'Unknown'].includes(c.status ?? '')) {
      errors.push(
        c.status
          ? field.notSupported(p.child('status'), c.status, ['False', 'True', 'Unknown'])
          : field.required(p.child('status'), ''),
      );
    }
    if (seen.has(c.type)) errors.push(field.duplicate(p.child('type'), c.type));
    seen.add(c.type);
  });
  if (seen.has('Approved') && seen.has('Denied')) {
    errors.push(field.invalid(CONDITIONS, 'Approved', 'Approved and Denied conditions are mutually exclusive'));
  }
}

/** Checks a signing request. */
export function validateCertificateSigningRequest(csr: V1CertificateSigningRequest): Errors {
  const errors: Errors = [];
  const { spec } = csr;
  if (!isRequestPem(spec?.request ?? '')) {
    errors.push(
      field.invalid(SPEC.child('request'), spec?.request ?? '', 'PEM block type must be CERTIFICATE REQUEST'),
    );
  }
  if (list(spec?.usages).length === 0) errors.push(field.required(SPEC.child('usages'), ''));
  const seen = new Set<string>();
  each(spec?.usages, (u, i) => {
    const p = SPEC.child('usages').index(i);
    if (!USAGES.includes(u)) errors.push(field.notSupported(p, u, USAGES));
    if (seen.has(u)) errors.push(field.duplicate(p, u));
    seen.add(u);
  });
  if (spec?.signerName === 'kubernetes.io/legacy-unknown') {
    errors.push(
      field.invalid(
        SPEC.child('signerName'),
        spec.signerName,
        'the legacy signerName is not allowed via this API version',
      ),
    );
  } else validateSignerName(spec?.signerName, SPEC.child('signerName'), errors);
  if (spec?.expirationSeconds !== undefined && spec.expirationSeconds < 600) {
    errors.push(
      field.invalid(
        SPEC.child('expirationSeconds'),
        spec.expirationSeconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    );
  }
  validateConditions(csr.status?.conditions, errors);
  return errors;
}

/** Decisions are final: approved, denied and failed conditions stay and a certificate once issued does too. */
export function validateCsrStatus(csr: V1CertificateSigningRequest, old: V1CertificateSigningRequest): Errors {
  const errors: Errors = [];
  validateConditions(csr.status?.conditions, errors);
  for (const type of ['Approved', 'Denied', 'Failed']) {
    const find = (x: V1CertificateSigningRequest) => list(x.status?.conditions).find((c) => c.type === type);
    if (find(old) && !find(csr)) {
      errors.push(field.forbidden(CONDITIONS, `updates may not remove a condition of type ${JSON.stringify(type)}`));
    }
  }
  if (old.status?.certificate && !semanticEqual(csr.status?.certificate, old.status.certificate)) {
    errors.push(
      field.forbidden(FieldPath.of('status', 'certificate'), 'updates may not modify a certificate once set'),
    );
  }
  return errors;
}

/** Checks an update of a signing request: its spec stays. */
export function validateCsrUpdate(csr: V1CertificateSigningRequest, old: V1CertificateSigningRequest): Errors {
  if (semanticEqual(csr.spec, old.spec)) return [];
  return [field.forbidden(SPEC, 'updates may not modify the spec')];
}
