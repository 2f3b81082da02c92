import { FieldPath, field, newInternalError } from '@kubelab/apimachinery';
import type { IpFamily } from './address-range.js';
import type { ClusterIpAllocator } from './cluster-ip-allocator.js';
import { AlreadyAllocatedError, MismatchedNetworkError, RangeFullError } from './errors.js';
import { isHeadless } from './ip-families.js';
import { type Assignment, clusterIpsOf, invalidService } from './service-spec.js';

/** Takes the cluster IPs that a Service needs: those it asks for by name first, so that none is taken by chance. */
export async function assignClusterIps(allocator: ClusterIpAllocator, assignment: Assignment): Promise<void> {
  const { spec, before, undo, service, dryRun } = assignment;
  if (spec.type === 'ExternalName') {
    return;
  }
  if (isHeadless(spec)) {
    spec.clusterIP = 'None';
    spec.clusterIPs ??= ['None'];
    return;
  }
  const held = new Set(clusterIpsOf(before));
  const asked = spec.clusterIPs?.length ? spec.clusterIPs : spec.clusterIP ? [spec.clusterIP] : [];
  const families = spec.ipFamilies ?? [];
  const result = families.map((_, i) => asked[i] ?? '');
  // Another address in the place of one that the Service has is for validation to refuse.
  const kept = before && before.type !== 'ExternalName' ? (before.clusterIPs?.length ?? 0) : 0;
  for (const [i, ip] of result.entries()) {
    if (ip !== '' && !held.has(ip) && i >= kept) {
      await takeOne(allocator, assignment, ip);
    }
  }
  for (const [i, family] of families.entries()) {
    if (result[i] === '') {
      try {
        const ip = await allocator.takeAny(family as IpFamily, service, dryRun);
        result[i] = ip;
        if (!dryRun) {
          undo.push(() => allocator.release(ip));
        }
      } catch (error) {
        throw error instanceof RangeFullError ? allocationFailed('serviceIP', error) : error;
      }
    }
  }
  spec.clusterIPs = result;
  spec.clusterIP = result[0];
}

async function takeOne(
  allocator: ClusterIpAllocator,
  { service, spec, dryRun, undo }: Assignment,
  ip: string,
): Promise<void> {
  try {
    await allocator.take(ip, service, dryRun);
  } catch (error) {
    if (error instanceof AlreadyAllocatedError || error instanceof MismatchedNetworkError) {
      const detail = `failed to allocate IP ${ip}: ${error.message}`;
      const value = spec.clusterIPs ?? [ip];
      throw invalidService(service, [field.invalid(FieldPath.of('spec', 'clusterIPs'), value, detail)]);
    }
    throw error;
  }
  if (!dryRun) {
    undo.push(() => allocator.release(ip));
  }
}

/** The answer to a Service for which nothing is left. */
export function allocationFailed(what: string, error: RangeFullError): Error {
  return newInternalError(new Error(`failed to allocate a ${what}: ${error.message}`));
}
