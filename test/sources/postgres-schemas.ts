import * as v from 'valibot';
import { z } from 'zod';

export const zodUser = z.object({ id: z.number(), name: z.string(), email: z.string().optional() });
export const valibotUser = v.object({ id: v.number(), name: v.string(), email: v.optional(v.string()) });
