/** The desktop package. Not built by the tests: it needs the Electron runtime. Its shape is checked against the schema. */
import type { Configuration } from 'electron-builder';

export default {
  appId: 'io.github.snaptree',
  productName: 'Snaptree',
  directories: { output: 'release' },
  // The product's dependencies are added by electron-builder itself.
  files: ['dist/**', '!dist/**/*.map', '!dist/.building/**', 'package.json', 'LICENSE'],
  asar: true,
  // Optional native parts of ssh2; it works without.
  npmRebuild: false,
  linux: { target: ['AppImage', 'deb'], category: 'System' },
  mac: { target: ['dmg'], category: 'public.app-category.developer-tools' },
  win: { target: ['nsis'] },
  publish: null,
  /** Every fuse is named, so that none depends on Electron's defaults. */
  electronFuses: {
    // The binary is Snaptree and not a Node that anybody can run code with under its name.
    runAsNode: false,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableCookieEncryption: true,
    // What runs is what was packed.
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    // Its own snapshot would have to be made by us.
    loadBrowserProcessSpecificV8Snapshot: false,
    // The page comes from app://.
    grantFileProtocolExtraPrivileges: false,
    resetAdHocDarwinSignature: false,
  },
} satisfies Configuration;
