// Deliveries in words.

const ERRORS: Record<string, string> = {
    dns_failure: "Host not found",
    blocked_address: "Blocked address",
    connect_refused: "Connection refused",
    connect_timeout: "No connection",
    connection_reset: "Connection lost",
    stale_connection: "Stale connection",
    tls_expired: "Certificate expired",
    tls_hostname: "Wrong certificate",
    tls_untrusted: "Unknown issuer",
    tls_client_certificate: "Certificate required",
    tls_handshake: "TLS failed",
    timeout: "Timed out",
    worker_lost: "Worker lost",
};

/** An error code in two or three words; the sentence stands with the attempt. */
export function errorWord(code: string): string {
    const words = code.replaceAll("_", " ").replace(/^http /, "HTTP ");
    return ERRORS[code] ?? words[0]!.toUpperCase() + words.slice(1);
}
