#!/usr/bin/env node
import { runAndExit } from './exit.ts';
import { runProgram } from './program.ts';

runAndExit(() => runProgram(process.argv.slice(2)));
