// Starts the pages: the query cache, the transport, the first render.

import "./descriptors";
import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { queries, transport } from "./api";
import { App } from "./app";
import "./style.css";

createRoot(document.getElementById("root")!).render(
    <TransportProvider transport={transport}>
        <QueryClientProvider client={queries}>
            <App />
        </QueryClientProvider>
    </TransportProvider>,
);
