// Deliveries in words.

const ERRORS: Record<string, string> = {
    dns_failure: "Host not found",
    blocked_address: "Blocked address",
    connect_refused: "Refused connection",
    connect_timeout: "No connection",
    connection_reset: "Closed connection",
    tls_expired: "Certificate expired",
    tls_hostname: "Certificate of another host",
    tls_untrusted: "Certificate not trusted",
    tls_handshake: "TLS failed",
    timeout: "No answer in time",
    worker_lost: "Worker lost",
};

/** An error code in two or three words; the sentence stands with the attempt. */
export function errorWord(code: string): string {
    const words = code.replaceAll("_", " ").replace(/^http /, "HTTP ");
    return ERRORS[code] ?? words[0]!.toUpperCase() + words.slice(1);
}
