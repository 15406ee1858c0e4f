interface ScriptPolicy {
  createScriptURL(url: string): string
}

interface PolicyFactory {
  createPolicy(name: string, rules: { readonly createScriptURL: (url: string) => string }): ScriptPolicy
}

/** The name of the page's one policy, as the server's `trusted-types` directive has it. */
const policyName = "smpkit"

/** An address of a script of this page's own origin, where the browser asks for proof of that (Trusted Types; security.md Q28). */
export function trustedScript(url: string, base: string): string {
  const rules = {
    createScriptURL: (wanted: string): string => {
      const { href, origin } = new URL(wanted, base)
      if (origin !== new URL(base).origin) throw new TypeError("a script from elsewhere")
      return href
    },
  }
  const factory = (globalThis as { readonly trustedTypes?: PolicyFactory }).trustedTypes
  return (factory?.createPolicy(policyName, rules) ?? rules).createScriptURL(url)
}
