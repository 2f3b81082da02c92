import { test } from 'node:test';
import { ipvsMode, Lab, Stage, trafficTests } from '@kubelab/kube-proxy/testing';
import { changeModes } from './change-modes.js';
import { policies } from './policies.js';

// Runs in a User-mode Linux, whose kernel has ip_vs: see ../ipvs.integration.test.ts. All the cases of kube-proxy's
// suite of traffic, and what IPVS has to do with others.
const stage = new Stage(new Lab(), { ...ipvsMode, cases: [...ipvsMode.cases, policies] });
trafficTests(stage, () => {
  test('to iptables mode and back, with nothing left of the other', () => changeModes(stage));
});
