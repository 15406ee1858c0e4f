// encoding.md, "JSON fragments that appear on the SMP wire", "Queue info (INFO)".

/** What QUE tells about a queue. */
export interface QueueStatus {
  /** Whether a sender key is set. */
  readonly secured: boolean
  readonly notifier: boolean
  readonly size: number
}

/** The JSON of INFO. */
export function formatQueueStatus({ secured, notifier, size }: QueueStatus): string {
  return JSON.stringify({ qiSnd: secured, qiNtf: notifier, qiSize: size })
}
