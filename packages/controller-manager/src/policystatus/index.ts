import type { V1ValidatingAdmissionPolicy } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { Live } from '../framework/live.js';
import { Reconciler } from '../framework/reconciler.js';

type Policy = Live<V1ValidatingAdmissionPolicy>;

/**
 * Notes in the status of ValidatingAdmissionPolicies which generation was seen. Expressions are compiled and refused by
 * the API server; warnings about field types that do not fit the matched kinds are not worked out here.
 */
export const admissionPolicyStatusController: ControllerDescriptor = {
  name: 'validatingadmissionpolicy-status-controller',
  aliases: ['validatingadmissionpolicy-status'],
  create({ client, informers, logger, options }) {
    const policies = informers.informer<Policy>(gvr.validatingadmissionpolicies);

    async function reconcile(name: string): Promise<void> {
      const policy = policies.lister.get(undefined, name);
      if (!policy || policy.status?.observedGeneration === policy.metadata.generation) return;
      const status = { ...policy.status, observedGeneration: policy.metadata.generation, typeChecking: {} };
      try {
        await client
          .resource<V1ValidatingAdmissionPolicy>(gvr.validatingadmissionpolicies)
          .updateStatus({ ...policy, status });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }

    return new Reconciler({
      name: 'validatingadmissionpolicy-status-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    }).watch(policies, (policy) => [policy.metadata.name]);
  },
};
