/** Plans as earlier versions wrote them, in journals and in plan files. */
import type { Migration } from './versions.ts';

/** Version 1 to 2: a plan itself is what it was. */
const toVersion2: Migration = (plan) => plan;

/** Of a plan, by the version of the journal or the plan file that holds it: both count alike. */
export const planMigrations: readonly [Migration] = [toVersion2];
