/**
 * The commands, in the order in which the help names them.
 */
import { adoptCommand } from './adopt.ts';
import { checkCommand } from './check/command.ts';
import { cleanupCommand } from './cleanup.ts';
import type { Command } from './command.ts';
import { explainCommand } from './explain-command.ts';
import { pauseCommand, resumeCommand } from './pause.ts';
import { previewCommand } from './preview.ts';
import { rolloutPlanCommand } from './rollout-plan.ts';
import { runCommand } from './run.ts';
import { statusCommand } from './status-command.ts';

export const COMMANDS: readonly Command[] = [
  statusCommand,
  explainCommand,
  checkCommand,
  rolloutPlanCommand,
  adoptCommand,
  pauseCommand,
  resumeCommand,
  previewCommand,
  cleanupCommand,
  runCommand,
];
