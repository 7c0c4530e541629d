#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { runAndExit } from './exit.ts';
import { runProgram } from './program.ts';

// Left alone, V8 lets garbage grow to four times of what is alive before it collects it. Little is alive here, so doubling costs no time.
setFlagsFromString('--heap-growing-percent=100');

runAndExit(() => runProgram(process.argv.slice(2)));
