import type { CertificateSigningRequest } from '../framework/kinds.js';

export function hasCondition(request: CertificateSigningRequest, type: string): boolean {
  return (request.status?.conditions ?? []).some((condition) => condition.type === type);
}

export function isDecided(request: CertificateSigningRequest): boolean {
  return hasCondition(request, 'Approved') || hasCondition(request, 'Denied');
}

export function isApproved(request: CertificateSigningRequest): boolean {
  return hasCondition(request, 'Approved') && !hasCondition(request, 'Denied');
}
