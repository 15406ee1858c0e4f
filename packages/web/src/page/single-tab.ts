/**
 * Resolves when this tab alone has the profile, for as long as it lives: two would take each other's messages. The agent's store has a lock of its own;
 * this one spares a person the passphrase.
 */
export async function singleTab(
  base: string,
  { onElsewhere }: { readonly onElsewhere: () => void },
): Promise<void> {
  const name = `smpkit page ${base}`
  await new Promise<void>((resolve, reject) => {
    const hold = (): Promise<never> => {
      resolve()
      return new Promise<never>(() => undefined)
    }
    navigator.locks
      .request(name, { ifAvailable: true }, async (lock) => {
        if (lock !== null) await hold()
        onElsewhere()
      })
      .then(() => navigator.locks.request(name, hold))
      .catch(reject)
  })
}
