/** The decoder is large and seldom needed: it is loaded when somebody scans. */
async function decoder(): Promise<(image: ImageData) => string | undefined> {
  const { decodeQR } = await import("qr/decode.js")
  return (image) => {
    try {
      return decodeQR(image)
    } catch {
      // No code in this picture.
      return undefined
    }
  }
}

/** More pixels cost time and find no more codes. */
const longestSide = 1200
const frameMs = 150

function pixelsOf(source: CanvasImageSource, width: number, height: number): ImageData | undefined {
  const scale = Math.min(1, longestSide / Math.max(width, height))
  const canvas = document.createElement("canvas")
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(height * scale)
  const context = canvas.getContext("2d", { willReadFrequently: true })
  if (context === null || canvas.width === 0 || canvas.height === 0) return undefined
  context.drawImage(source, 0, 0, canvas.width, canvas.height)
  return context.getImageData(0, 0, canvas.width, canvas.height)
}

/** Reads the QR code of a picture; `undefined` for one without, and for what is no picture. */
export async function qrTextOf(file: Blob): Promise<string | undefined> {
  try {
    const picture = await createImageBitmap(file)
    try {
      const pixels = pixelsOf(picture, picture.width, picture.height)
      return pixels === undefined ? undefined : (await decoder())(pixels)
    } finally {
      picture.close()
    }
  } catch {
    return undefined
  }
}

/** Shows the camera in `video` and calls `onText` for the first code that it sees. Rejects when there is no camera, or none for this page. */
export async function startCamera(
  video: HTMLVideoElement,
  {
    onText,
    onStart,
    signal,
  }: { readonly onText: (text: string) => void; readonly onStart: () => void; readonly signal: AbortSignal },
): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } })
  const end = (): void => {
    for (const track of stream.getTracks()) track.stop()
    video.srcObject = null
  }
  if (signal.aborted) {
    end()
    return
  }
  signal.addEventListener("abort", end, { once: true })
  video.srcObject = stream
  await video.play()
  onStart()
  const decode = await decoder()
  const isOver = (): boolean => signal.aborted
  while (!isOver()) {
    const pixels = pixelsOf(video, video.videoWidth, video.videoHeight)
    const text = pixels === undefined ? undefined : decode(pixels)
    if (text !== undefined && text !== "") {
      onText(text)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, frameMs))
  }
}
