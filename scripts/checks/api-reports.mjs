import { mkdirSync } from "node:fs"
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor"
import { packages, root } from "../workspace.mjs"

/** What every published entry exports, compared with the report in `etc/`. `update` writes the reports instead. */
export function apiReports({ update }) {
  mkdirSync(`${root}etc`, { recursive: true })
  mkdirSync(`${root}.reports/api`, { recursive: true })
  const problems = []
  for (const { name, directory, manifest, entries } of packages) {
    if (manifest.private === true) continue
    for (const { path, types } of entries) problems.push(...report(name, directory, path, types, update))
  }
  return problems
}

function report(name, directory, path, types, update) {
  const reportName = `${name}${path.replaceAll("/", "-")}`
  const messages = []
  try {
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: `${root}${directory}`,
        mainEntryPointFilePath: `${root}${directory}/${types}`,
        compiler: { tsconfigFilePath: `${root}${directory}/tsconfig.json` },
        apiReport: {
          enabled: true,
          reportFileName: `${reportName}.api.md`,
          reportFolder: `${root}etc`,
          reportTempFolder: `${root}.reports/api`,
        },
        newlineKind: "lf",
        messages: {
          compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Warning } },
          extractorMessageReporting: {
            default: { logLevel: ExtractorLogLevel.Warning },
            // No release tags: what an entry exports is public. What it does not export but names is in the report by its use.
            "ae-missing-release-tag": { logLevel: ExtractorLogLevel.None },
            "ae-undocumented": { logLevel: ExtractorLogLevel.None },
            "ae-forgotten-export": { logLevel: ExtractorLogLevel.None },
          },
          tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        },
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: `${root}${directory}/package.json`,
    })
    const result = Extractor.invoke(config, {
      localBuild: update,
      messageCallback: (message) => {
        message.handled = true
        if (message.logLevel === "error" || message.logLevel === "warning") messages.push(message.text)
      },
    })
    if (result.apiReportChanged && !update) {
      return [
        `etc/${reportName}.api.md is not what ${directory} exports: npm run api, and look at the difference`,
      ]
    }
    return result.succeeded ? [] : [`${reportName}: ${messages.join("\n")}`]
  } catch (error) {
    return [`${reportName}: ${error.message}`]
  }
}
