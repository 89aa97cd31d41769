// Deliveries in words.

const ERRORS: Record<string, string> = {
    dns_failure: "Host not found",
    blocked_address: "Blocked address",
    connect_refused: "Refused",
    connect_timeout: "No connection",
    connection_reset: "Cut off",
    tls_expired: "Old certificate",
    tls_hostname: "Wrong certificate",
    tls_untrusted: "Not trusted",
    tls_handshake: "TLS failed",
    timeout: "Timed out",
    worker_lost: "Worker lost",
};

/** An error code in two or three words; the sentence stands with the attempt. */
export function errorWord(code: string): string {
    const words = code.replaceAll("_", " ").replace(/^http /, "HTTP ");
    return ERRORS[code] ?? words[0]!.toUpperCase() + words.slice(1);
}
