import type { PartWords } from '../../../core/parts.ts';

export const DATABASE_WORDS: PartWords = { wholes: 'whole databases', part: 'table', parts: 'tables' };
