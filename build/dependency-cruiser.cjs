/** The layers of the house, as rules. The reasons stand in docs/decisions/0001-layers.md. */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'A cycle hides which module is the lower one.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'shared-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: '^(electron|renderer|e2e|build)/' },
    },
    {
      name: 'shared-is-pure',
      comment: 'No Node, no DOM, no I/O: only zod.',
      severity: 'error',
      from: { path: '^shared/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: 'node_modules/zod/' },
    },
    {
      name: 'renderer-imports-only-shared',
      severity: 'error',
      from: { path: '^renderer/' },
      to: { path: '^(electron|e2e|build)/' },
    },
    {
      name: 'renderer-has-no-node',
      severity: 'error',
      from: { path: '^renderer/', pathNot: '\\.test\\.tsx?$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'main-does-not-import-the-renderer',
      severity: 'error',
      from: { path: '^electron/', pathNot: '\\.integration\\.test\\.ts$' },
      to: { path: '^(renderer|e2e|build)/' },
    },
    {
      name: 'integration-tests-import-only-the-testbeds',
      severity: 'error',
      from: { path: '^electron/.*\\.integration\\.test\\.ts$' },
      to: { path: '^(renderer|e2e|build)/', pathNot: '^e2e/testbeds/' },
    },
    {
      name: 'electron-only-in-desktop',
      severity: 'error',
      from: { path: '^(electron|shared|renderer)/', pathNot: '^electron/desktop/' },
      to: { path: 'node_modules/electron/' },
    },
    {
      name: 'core-does-not-know-its-shells',
      severity: 'error',
      from: { path: '^electron/(?!desktop/|headless/)' },
      to: { path: '^electron/(desktop|headless)/' },
    },
    {
      name: 'shells-do-not-know-each-other',
      severity: 'error',
      from: { path: '^electron/(desktop|headless)/' },
      to: { path: '^electron/(desktop|headless)/', pathNot: '^electron/$1/' },
    },
    {
      name: 'ssh2-only-in-hosts',
      comment: 'And in the SSH server of the simulated hosts.',
      severity: 'error',
      from: { path: '^(electron|shared|renderer)/', pathNot: '^electron/(hosts|simulator/ssh-server)/' },
      to: { path: 'node_modules/(@types/)?ssh2/' },
    },
    {
      name: 'drivers-never-open-a-connection',
      comment: 'A driver is handed a runner; of hosts it may know the runner interface only.',
      severity: 'error',
      from: { path: '^electron/(hypervisors|images)/', pathNot: '\\.(test|fixtures)\\.ts$' },
      to: {
        path: '^electron/(hosts|operations|ipc|store)/',
        pathNot: '^electron/hosts/commands/(runner|quoting|frames)\\.ts$',
      },
    },
    {
      name: 'drivers-do-not-know-each-other',
      comment: 'What drivers share for planning knows none of them: for it the rule holds too.',
      severity: 'error',
      from: { path: '^electron/hypervisors/([^/]+)/' },
      to: {
        path: '^electron/hypervisors/([^/]+)/',
        pathNot: ['^electron/hypervisors/$1/', '^electron/hypervisors/planning/'],
      },
    },
    {
      name: 'drivers-do-no-io',
      severity: 'error',
      from: { path: '^electron/(hypervisors|images)/', pathNot: '\\.(test|fixtures)\\.ts$' },
      to: { dependencyTypes: ['core'], path: '^(node:)?(fs|net|child_process|http|https|tls|dgram)' },
    },
    {
      name: 'no-dev-dependency-in-the-product',
      comment: 'The interpreter of the demo is taken into the bundles, so that its many packages are not installed.',
      severity: 'error',
      from: {
        path: '^(electron|shared)/',
        pathNot: '(\\.(test|fixtures)\\.ts$|^electron/desktop/|^electron/simulator/shell/)',
      },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: '(\\.d\\.ts|\\.config\\.ts|\\.cjs)$' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
