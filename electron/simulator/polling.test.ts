/** Polls and events of a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { pollingSuite } from '../hypervisors/libvirt/watch/polling.fixtures.ts';
import { simulatedLibvirt } from './libvirt-under-test.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

pollingSuite(simulatedLibvirt());
