import { type FieldPath, field, isHttpHeaderName } from '@kubelab/apimachinery';
import type { V1Lifecycle, V1LifecycleHandler, V1Probe } from '../../generated/types.js';
import {
  type Errors,
  each,
  invalidAll,
  list,
  nonNegative,
  portNumber,
  portNumOrName,
  requiredEnum,
} from '../common.js';

type Handler = Pick<V1Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & { sleep?: { seconds: number } };

function validateHandler(handler: Handler, grace: number | undefined, path: FieldPath, errors: Errors): void {
  const given = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter((k) => handler[k]);
  given.forEach((kind, i) => {
    const p = path.child(kind);
    if (i > 0) {
      errors.push(field.forbidden(p, 'may not specify more than 1 handler type'));
      return;
    }
    if (kind === 'exec' && list(handler.exec?.command).length === 0) {
      errors.push(field.required(p.child('command'), ''));
    }
    if (kind === 'httpGet' && handler.httpGet) {
      const get = handler.httpGet;
      if (!get.path) errors.push(field.required(p.child('path'), ''));
      portNumOrName(get.port, p.child('port'), errors);
      requiredEnum(get.scheme, ['HTTP', 'HTTPS'], p.child('scheme'), errors);
      each(get.httpHeaders, (h, j) => {
        invalidAll(p.child('httpHeaders').index(j).child('name'), h.name ?? '', isHttpHeaderName(h.name ?? ''), errors);
      });
    }
    if (kind === 'tcpSocket') portNumOrName(handler.tcpSocket?.port, p.child('port'), errors);
    if (kind === 'grpc') portNumber(handler.grpc?.port, p.child('port'), errors);
    if (kind === 'sleep') {
      const seconds = handler.sleep?.seconds ?? 0;
      if (seconds < 0 || (grace !== undefined && seconds > grace)) {
        errors.push(
          field.invalid(
            p.child('seconds'),
            seconds,
            `must be non-negative and less than terminationGracePeriodSeconds (${grace ?? 0})`,
          ),
        );
      }
    }
  });
  if (given.length === 0) errors.push(field.required(path, 'must specify a handler type'));
}

/** Checks a liveness, readiness or startup probe. */
export function validateProbe(
  probe: V1Probe | undefined,
  kind: 'liveness' | 'readiness' | 'startup',
  path: FieldPath,
  errors: Errors,
): void {
  if (!probe) return;
  validateHandler(probe, undefined, path, errors);
  nonNegative(probe.initialDelaySeconds, path.child('initialDelaySeconds'), errors);
  nonNegative(probe.timeoutSeconds, path.child('timeoutSeconds'), errors);
  nonNegative(probe.periodSeconds, path.child('periodSeconds'), errors);
  nonNegative(probe.successThreshold, path.child('successThreshold'), errors);
  nonNegative(probe.failureThreshold, path.child('failureThreshold'), errors);
  const grace = probe.terminationGracePeriodSeconds;
  if (kind === 'readiness') {
    if (grace !== undefined) {
      errors.push(
        field.invalid(path.child('terminationGracePeriodSeconds'), grace, 'must not be set for readinessProbes'),
      );
    }
    return;
  }
  if (grace !== undefined && grace <= 0) {
    errors.push(field.invalid(path.child('terminationGracePeriodSeconds'), grace, 'must be greater than 0'));
  }
  if (probe.successThreshold !== 1) {
    errors.push(field.invalid(path.child('successThreshold'), probe.successThreshold ?? 0, 'must be 1'));
  }
}

/** Checks the hooks of a container. */
export function validateLifecycle(
  lifecycle: V1Lifecycle | undefined,
  grace: number | undefined,
  path: FieldPath,
  errors: Errors,
): void {
  const check = (handler: V1LifecycleHandler | undefined, name: string): void => {
    if (handler) validateHandler(handler, grace ?? 0, path.child(name), errors);
  };
  check(lifecycle?.postStart, 'postStart');
  check(lifecycle?.preStop, 'preStop');
  if (lifecycle?.stopSignal && !lifecycle.stopSignal.startsWith('SIG')) {
    errors.push(field.notSupported(path.child('stopSignal'), lifecycle.stopSignal, ['SIGINT', 'SIGKILL', 'SIGTERM']));
  }
}
