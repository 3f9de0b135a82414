/** Has the browser fetch a file that the main process offers once, and keep it where the browser keeps downloads. */
export function saveDownload({ url, fileName }: { readonly url: string; readonly fileName: string }): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
}
