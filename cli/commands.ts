/**
 * The commands, in the order in which the help names them.
 */
import { adoptCommand } from './adopt.ts';
import type { Command } from './command.ts';
import { statusCommand } from './live-status.ts';
import { previewCommand } from './preview.ts';
import { rolloutPlanCommand } from './rollout-plan.ts';
import { runCommand } from './run.ts';

export const COMMANDS: readonly Command[] = [
  statusCommand,
  rolloutPlanCommand,
  adoptCommand,
  previewCommand,
  runCommand,
];
