import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import regexp from 'eslint-plugin-regexp';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { shellOutput } from './build/lint/shell-output.ts';

const signals = [
  {
    selector: "MemberExpression[object.name='AbortSignal'][property.name='any']",
    message: 'Join signals with joinSignals (electron/base/abort.ts).',
  },
  {
    selector: "CallExpression[callee.property.name='addEventListener'][arguments.0.value='abort']",
    message: 'Listen with whenAborted (electron/base/abort.ts).',
  },
];

const namesOfHypervisors = [
  'Literal[value=/libvirt|virsh|qemu:/i]',
  'TemplateElement[value.raw=/libvirt|virsh|qemu:/i]',
].map((selector) => ({ selector, message: 'Of one hypervisor: let its driver say it.' }));

export default defineConfig(
  globalIgnores(['dist', 'node_modules', 'test-results', 'playwright-report', 'coverage']),
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // exactOptionalPropertyTypes makes `type` and `interface` differ; both have their use here.
      '@typescript-eslint/consistent-type-definitions': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    // Text from a host is hostile and may be long: no expression over it takes more than linear time. `move` counts what
    // is tried anew at each character, which is how `/x+$/` becomes quadratic.
    files: ['shared/**/*.ts', 'electron/**/*.ts', 'renderer/**/*.{ts,tsx}'],
    ignores: ['**/*.test.{ts,tsx}', '**/*.fixtures.ts'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential', ignorePartial: false }],
    },
  },
  {
    files: ['renderer/**/*.{ts,tsx}'],
    extends: [reactHooks.configs.flat.recommended],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: 'Text from a host is never HTML.' },
        {
          selector: "JSXAttribute[name.name='style'] > Literal",
          message: "Use CSS modules: the CSP is style-src 'self'.",
        },
      ],
    },
  },
  {
    // One door between the processes: handlers are registered in ipc.ts, and only the preload may send.
    files: ['electron/desktop/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'electron', importNames: ['ipcMain'], message: 'Handlers are registered in desktop/ipc.ts only.' },
            { name: 'electron', importNames: ['ipcRenderer'], message: 'Only desktop/preload.ts may send.' },
          ],
        },
      ],
    },
  },
  { files: ['electron/desktop/ipc.ts', 'electron/desktop/preload.ts'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: ['electron/**/*.ts', 'renderer/**/*.{ts,tsx}'],
    rules: {
      'no-restricted-properties': [
        'error',
        { property: 'openExternal', message: 'Addresses are never handed to the operating system.' },
      ],
    },
  },
  {
    // Node's own loses aborts, and a listener never hears of one that came before it: electron/base/abort.ts.
    files: ['electron/**/*.ts'],
    ignores: ['electron/base/abort.ts', '**/*.test.ts', '**/*.fixtures.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...signals],
    },
  },
  {
    // What serves every hypervisor speaks of none: a driver's words are data that it gives (electron/hypervisors/driver.ts).
    // Importing is from libvirt's own URIs.
    files: ['electron/{application,base,hosts,inventory,ipc,operations,page,reports,store}/**/*.ts'],
    ignores: ['electron/base/abort.ts', 'electron/hosts/import/**', '**/*.test.ts', '**/*.fixtures.ts'],
    rules: { 'no-restricted-syntax': ['error', ...signals, ...namesOfHypervisors] },
  },
  {
    // Scripts that hosts run. Completion scripts run in the user's own shell, over its own short answers.
    files: ['electron/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*.fixtures.ts', 'electron/simulator/**', 'electron/headless/cli/completion.ts'],
    plugins: { snaptree: { rules: { 'shell-output': shellOutput } } },
    rules: { 'snaptree/shell-output': 'error' },
  },
  {
    // Command line programs talk on stdout and stderr.
    files: ['build/**/*.ts', 'e2e/testbeds/**/*.ts', 'electron/headless/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs', globals: { module: 'writable' } } },
);
