// React's entry point, on Preact.

import { render, type ComponentChild } from "preact";

export const createRoot = (root: Element) => ({ render: (screen: ComponentChild) => render(screen, root) });
