import js from "@eslint/js"
import { defineConfig } from "eslint/config"
import tseslint from "typescript-eslint"

/** What a module gets as an argument instead (design: the protocol is pure, the edges are thin). */
const ambientTime = [
  { object: "Date", property: "now", message: "Take a Clock." },
  { object: "performance", property: "now", message: "Take a Clock." },
  { object: "Math", property: "random", message: "Take a Random." },
  { object: "crypto", property: "getRandomValues", message: "Take a Random." },
]
const timers = ["setTimeout", "setInterval", "setImmediate", "requestAnimationFrame"].map((name) => ({
  name,
  message: "Take a Clock.",
}))
const platform = [
  "process",
  "Buffer",
  "require",
  "global",
  "window",
  "self",
  "document",
  "navigator",
  "location",
  "localStorage",
  "sessionStorage",
  "indexedDB",
  "fetch",
  "WebSocket",
  "Worker",
  "performance",
  "crypto",
  "console",
].map((name) => ({ name, message: "Platform code lives in the rooms named for it." }))
const clockless = [
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: "Take a Clock.",
  },
]

/** Modules of impure packages that may read the platform's clock, timers and process. */
const edges = [
  "packages/transport/src/clock.ts",
  "packages/transport/src/{tls,tcp,websocket,websocket-server}/**",
  "packages/client/src/{tls,node}/**",
  "packages/client/src/{tls,node}.ts",
  "packages/agent/src/store/{lmdb,directory-lock,index}.ts",
  "packages/agent/src/store/lmdb-*.ts",
  "packages/agent/src/store/indexed-db*.ts",
  "packages/agent/src/{node,lmdb,browser}/**",
  "packages/agent/src/{node,lmdb}.ts",
  "packages/server/src/store/{disk,database-file,directory-lock,group-commit}.ts",
  "packages/server/src/server-directory.ts",
  "packages/server/src/web/**",
  "packages/server/src/node/**",
]

export default defineConfig(
  {
    ignores: [
      "**/dist/",
      "**/node_modules/",
      "coverage/",
      ".reports/",
      "packages/testkit/vectors/",
      "packages/cli/page/",
    ],
  },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: "./tsconfig.test.json", tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportAllDeclaration", message: "List the public names." },
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
      ],
      // The compiler knows better.
      "no-undef": "off",
      "no-console": "error",
      // Control characters are what a terminal must be kept from.
      "no-control-regex": "off",
      eqeqeq: "error",
    },
  },
  {
    // The packages without input and output: nothing of the platform at all.
    files: ["packages/{codec,crypto,ratchet,smp}/src/**/*.ts"],
    ignores: ["packages/crypto/src/{node,browser}-backend.ts"],
    rules: {
      "no-restricted-globals": ["error", ...timers, ...platform],
      "no-restricted-properties": ["error", ...ambientTime],
      "no-restricted-syntax": [
        "error",
        ...clockless,
        { selector: "ExportAllDeclaration", message: "List the public names." },
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
      ],
      "no-restricted-imports": ["error", { patterns: ["node:*"] }],
    },
  },
  {
    // The packages that get clock, randomness, network and storage as arguments, but for their edges.
    files: ["packages/{transport,client,agent,server}/src/**/*.ts"],
    ignores: edges,
    rules: {
      "no-restricted-globals": ["error", ...timers, ...platform.filter(({ name }) => name !== "Buffer")],
      "no-restricted-properties": ["error", ...ambientTime],
      "no-restricted-syntax": [
        "error",
        ...clockless,
        { selector: "ExportAllDeclaration", message: "List the public names." },
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
      ],
      "no-restricted-imports": [
        "error",
        { patterns: ["node:timers*", "node:net", "node:tls", "node:fs*", "node:http*", "node:dgram"] },
      ],
    },
  },
  {
    // Leaving the rest of a tick to others needs no clock; the server runs on Node alone.
    files: ["packages/server/src/**/*.ts"],
    ignores: edges,
    rules: {
      "no-restricted-globals": [
        "error",
        ...timers.filter(({ name }) => name !== "setImmediate"),
        ...platform.filter(({ name }) => name !== "Buffer"),
      ],
    },
  },
  {
    // Tests of pure packages are as repeatable as what they test.
    files: ["packages/{codec,crypto,ratchet,smp}/test/**/*.ts"],
    rules: {
      "no-restricted-globals": ["error", ...timers],
      "no-restricted-properties": ["error", ...ambientTime],
    },
  },
  {
    // A test may call with what a type forbids, name a function that nobody calls, and hand one over without its object.
    files: ["packages/*/test/**/*.ts", "interop/**/*.ts"],
    rules: {
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    // Tests of types are about what does not compile.
    files: ["packages/*/test/types.test.ts"],
    rules: {
      "@typescript-eslint/ban-ts-comment": ["error", { "ts-expect-error": "allow-with-description" }],
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-unused-vars": "off",
    },
  },
  {
    files: ["packages/cli/**/*.ts", "examples/**/*.ts"],
    rules: { "no-console": "off" },
  },
  {
    // Vitest wants its configuration as the default export; a declaration describes a library as it is.
    files: ["vitest.config.ts", "packages/web/**/vite.config.ts", "packages/*/src/**/*.d.ts"],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    files: ["**/*.js", "**/*.mjs"],
    extends: [js.configs.recommended],
    languageOptions: {
      globals: Object.fromEntries(
        [
          "process",
          "console",
          "URL",
          "Buffer",
          "performance",
          "setTimeout",
          "clearTimeout",
          "TextDecoder",
          "TextEncoder",
        ].map((name) => [name, "readonly"]),
      ),
    },
    rules: { eqeqeq: "error" },
  },
)
