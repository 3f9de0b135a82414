/** Whether a text is one line that XML, shells and terminals take as it is: without control characters and ends of lines. */
export function isOneLine(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]/.test(text);
}
