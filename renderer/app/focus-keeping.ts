/** Where a part of the window begins that the focus stays in, when what had it goes away. */
const homes = '[role=dialog], [role=alertdialog], article, section[aria-label], nav, aside, main';
/** What takes it there: what is marked, or the tab stop of a tree; else the part itself. */
const targets = '[data-takes-focus], [role=row][tabindex="0"], [role=treeitem][tabindex="0"]';
/** React Aria gives the focus back in the frame after a dialog went, `returnFocus` in the one after that. */
const framesOfOthers = 3;

/**
 * Keeps the focus near, when the element that has it is taken away or moved: a button whose operation ended, a banner, a row. The
 * browser would leave it nowhere, and the next Tab begin at the top of the window. Never gives it to a button that does something, which
 * the next press of a key would. Gives a function that ends it.
 */
export function keepFocus(): () => void {
  /** The element that has the focus, or had it when it went away, and all that is around it, from the inside. */
  let path: readonly HTMLElement[] = [];
  const onFocusIn = ({ target }: FocusEvent) => {
    if (target instanceof HTMLElement) path = pathOf(target);
  };
  // Whoever clicks beside everything wants the focus nowhere.
  const onPointerDown = () => {
    setTimeout(() => {
      if (isNowhere()) path = [];
    });
  };
  const observer = new MutationObserver(() => {
    if (path.length === 0 || !isNowhere()) return;
    const lost = path;
    afterFrames(framesOfOthers, () => {
      if (isNowhere() && path === lost) takerOf(lost)?.focus({ preventScroll: true });
    });
  });
  document.addEventListener('focusin', onFocusIn);
  document.addEventListener('pointerdown', onPointerDown, { capture: true });
  observer.observe(document.body, { childList: true, subtree: true });
  return () => {
    document.removeEventListener('focusin', onFocusIn);
    document.removeEventListener('pointerdown', onPointerDown, { capture: true });
    observer.disconnect();
  };
}

function isNowhere(): boolean {
  return document.activeElement === document.body;
}

function pathOf(element: HTMLElement): readonly HTMLElement[] {
  const path: HTMLElement[] = [];
  for (let at: HTMLElement | null = element; at && at !== document.body; at = at.parentElement) path.push(at);
  return path;
}

/** What takes the focus of the first of `path`: itself, where it was only moved. */
function takerOf(path: readonly HTMLElement[]): HTMLElement | null {
  const [element] = path;
  if (element?.isConnected === true) return element;
  const home = path.find((each) => each.isConnected && each.matches(homes)) ?? document.querySelector('main');
  const target = home?.querySelector<HTMLElement>(targets) ?? null;
  if (target || !home) return target;
  if (!home.hasAttribute('tabindex')) {
    home.tabIndex = -1;
    home.addEventListener(
      'blur',
      () => {
        home.removeAttribute('tabindex');
      },
      { once: true },
    );
  }
  return home;
}

function afterFrames(count: number, then: () => void): void {
  if (count === 0) then();
  else
    requestAnimationFrame(() => {
      afterFrames(count - 1, then);
    });
}
