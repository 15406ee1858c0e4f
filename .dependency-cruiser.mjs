/** The floors of the house: an import runs to a lower floor, never to the same or a higher one. */
const floors = [
  ["codec"],
  ["crypto"],
  ["smp", "ratchet"],
  ["transport"],
  ["client"],
  ["server", "agent"],
  ["cli", "web"],
]

const within = (names) => `^packages/(${names.join("|")})/`

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "no-cycles",
      comment: "At run time; two modules may know each other's types.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "no-unresolved-import", severity: "error", from: {}, to: { couldNotResolve: true } },
    ...floors.flatMap((names, floor) =>
      names.map((name) => ({
        name: `floor-${floor + 1}-${name}`,
        comment: "Imports run to a lower floor only.",
        severity: "error",
        from: { path: `^packages/${name}/src/` },
        to: {
          path: within(
            floors
              .slice(floor)
              .flat()
              .filter((other) => other !== name),
          ),
        },
      })),
    ),
    {
      name: "testkit-from-tests-only",
      severity: "error",
      from: { pathNot: ["^packages/testkit/", "^packages/[^/]+/(test|bench)/", "^(interop|bench)/"] },
      to: { path: "^packages/testkit/" },
    },
    {
      name: "testkit-not-the-top-floor",
      severity: "error",
      from: { path: "^packages/testkit/" },
      to: { path: within(floors.at(-1)) },
    },
    {
      name: "no-way-around-the-entries",
      comment:
        "Another package is imported by its name, so that only what it exports is used. A page has no file system: its tests import the vectors. " +
        "How a passphrase becomes a key is nobody's choice, so no package exports it; tests with many stores do without Argon2id.",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: {
        path: "^packages/[^/]+/",
        pathNot: ["^packages/$1/", "^packages/testkit/vectors/", "^packages/agent/src/store/sealed.ts$"],
        dependencyTypesNot: ["aliased"],
      },
    },
    {
      name: "key-derivation-for-tests-only",
      severity: "error",
      from: { path: "^(packages/([^/]+)/src/|bench/)", pathNot: "^packages/agent/src/" },
      to: { path: "^packages/agent/src/store/sealed.ts$", dependencyTypesNot: ["aliased"] },
    },
    {
      name: "no-tests-from-sources",
      severity: "error",
      from: { path: "^packages/[^/]+/src/" },
      to: { path: "^packages/[^/]+/(test|bench)/" },
    },
    {
      name: "no-platform-in-pure-packages",
      severity: "error",
      from: {
        path: "^packages/(codec|crypto|ratchet|smp)/src/",
        pathNot: "^packages/crypto/src/node-backend\\.ts$",
      },
      to: { dependencyTypes: ["core"] },
    },
  ],
  options: {
    // The built page.
    exclude: { path: "^packages/cli/page/" },
    doNotFollow: { path: ["node_modules", "(^|/)dist/"] },
    tsConfig: { fileName: "tsconfig.test.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
    },
  },
}
