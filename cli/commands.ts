/** The commands, in the order in which the help names them. */
import { checkCommand } from './check/command.ts';
import type { Command } from './command.ts';
import { adoptCommand } from './commands/adopt.ts';
import { cleanupCommand } from './commands/cleanup.ts';
import { completionOf } from './commands/completion.ts';
import { explainCommand } from './commands/explain.ts';
import { pauseCommand, resumeCommand } from './commands/pause.ts';
import { previewCommand } from './commands/preview.ts';
import { rolloutPlanCommand } from './commands/rollout-plan.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { versionCommand } from './commands/version.ts';

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
  versionCommand,
  completionOf(() => COMMANDS),
  runCommand,
];
