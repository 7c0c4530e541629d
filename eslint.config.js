// What the compiler does not see: promises that nobody waits for, `any` that spreads, comparisons that cannot be, imports that cost at
// run time. Layout is prettier's. A rule is off where the code of this house is right and the rule is not, with the reason beside it.
import tseslint from 'typescript-eslint';

const own = {
  '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
  '@typescript-eslint/no-import-type-side-effects': 'error',
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  '@typescript-eslint/no-confusing-void-expression': 'off', // `return resolve()` ends a callback early
  '@typescript-eslint/no-generated-empty-object-type': 'off', // `& {}` makes the compiler show a computed type
  '@typescript-eslint/no-meaningless-void-operator': 'off', // `void promise` stays where a call may one day return one
  '@typescript-eslint/no-implied-eval': 'off', // hot loops are generated; test/architecture.test.ts asks each for its fallback
  '@typescript-eslint/no-invalid-void-type': 'off', // a callback may give a promise or nothing
  '@typescript-eslint/no-misused-spread': 'off', // `[...text]` means code points, and that is what is wanted
  '@typescript-eslint/no-unnecessary-condition': 'off', // what users and servers give need not be what their types say
  '@typescript-eslint/no-unnecessary-type-parameters': 'off', // `from.postgres<User>()`: the row type that only the caller knows
  '@typescript-eslint/no-unnecessary-type-assertion': 'off', // an assertion where row types are asserted says what crosses the seam
  '@typescript-eslint/no-unsafe-class-instance-assignment': 'off', // classes with private state are told apart by the compiler already
  '@typescript-eslint/require-await': 'off', // a contract asks for a promise, also of a kind that has nothing to wait for
  '@typescript-eslint/unbound-method': 'off', // definitions are objects of functions that do not use `this`
  '@typescript-eslint/use-unknown-in-catch-callback-variable': 'off', // what is not unknown there is narrowed at once
  eqeqeq: 'error',
  'prefer-const': 'error',
};

const inTests = {
  '@typescript-eslint/no-explicit-any': 'off',
  '@typescript-eslint/no-non-null-assertion': 'off',
  '@typescript-eslint/no-unsafe-argument': 'off',
  '@typescript-eslint/no-unsafe-assignment': 'off',
  '@typescript-eslint/no-unsafe-call': 'off',
  '@typescript-eslint/no-unsafe-member-access': 'off',
  '@typescript-eslint/no-unsafe-return': 'off',
  '@typescript-eslint/no-unused-expressions': 'off', // chai's `expect(x).to.be.true`
};

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules', '.*/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: own,
  },
  { files: ['test/**', 'bench/**'], rules: inTests },
  // Streams that nobody runs, and calls whose only result is their type.
  { files: ['test/types/**'], rules: { '@typescript-eslint/no-unused-vars': 'off', '@typescript-eslint/no-floating-promises': 'off' } },
);
