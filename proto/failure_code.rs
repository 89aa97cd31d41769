//! Failure codes of delivery attempts: for the API, the metrics and the docs, each with a sentence for people.

macro_rules! failure_codes {
    ($($variant:ident $name:literal $sentence:literal;)*) => {
        /// Why a delivery attempt failed. [`FailureCode::sentence`] explains each code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FailureCode {$(
            $variant,
        )*}

        impl FailureCode {
            /// Every code.
            pub const ALL: &'static [FailureCode] = &[$(FailureCode::$variant,)*];

            /// Name in the API, in the metrics and in the database.
            pub const fn name(self) -> &'static str { match self { $(FailureCode::$variant => $name,)* } }

            /// The sentence for people.
            pub const fn sentence(self) -> &'static str { match self { $(FailureCode::$variant => $sentence,)* } }

            /// The code with this name.
            pub fn from_name(name: &str) -> Option<FailureCode> {
                match name { $($name => Some(FailureCode::$variant),)* _ => None }
            }
        }
    };
}

failure_codes! {
    DnsFailure "dns_failure" "The host name could not be resolved to an address.";
    BlockedAddress "blocked_address" "The host name leads to an address that is not on the public internet.";
    ConnectRefused "connect_refused" "The receiver refused the connection or cannot be reached.";
    ConnectTimeout "connect_timeout" "The receiver did not complete a connection within 5 seconds.";
    ConnectionReset "connection_reset" "The receiver closed the connection before it answered.";
    StaleConnection "stale_connection" "The receiver had closed the connection before the request arrived; it is sent again at once over a new one.";
    TlsExpired "tls_expired" "The server's certificate has expired or is not valid yet.";
    TlsHostname "tls_hostname" "The server's certificate is for another host name.";
    TlsUntrusted "tls_untrusted" "The server's certificate is not signed by an authority that we trust.";
    TlsClientCertificate "tls_client_certificate" "The server demands a client certificate, and we have none.";
    TlsHandshake "tls_handshake" "No secure connection could be agreed on with the server.";
    Timeout "timeout" "The receiver did not answer within 15 seconds.";
    Http3xx "http_3xx" "The receiver redirected the request, and redirects are not followed.";
    Http4xx "http_4xx" "The receiver refused the request.";
    Http5xx "http_5xx" "The receiver failed to process the request.";
    InvalidResponse "invalid_response" "The server's answer is not valid HTTP.";
    InternalError "internal_error" "The request was not sent, for a reason on our side; it will be tried again.";
    WorkerLost "worker_lost" "The worker ended before it reported the result.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_name_and_sentence() {
        let names: Vec<&str> = FailureCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(
            names,
            [
                "dns_failure",
                "blocked_address",
                "connect_refused",
                "connect_timeout",
                "connection_reset",
                "stale_connection",
                "tls_expired",
                "tls_hostname",
                "tls_untrusted",
                "tls_client_certificate",
                "tls_handshake",
                "timeout",
                "http_3xx",
                "http_4xx",
                "http_5xx",
                "invalid_response",
                "internal_error",
                "worker_lost",
            ]
        );
        for code in FailureCode::ALL {
            assert!(code.sentence().ends_with('.'), "{code:?}");
            assert_eq!(
                FailureCode::ALL.iter().filter(|other| other.sentence() == code.sentence()).count(),
                1,
                "{code:?}"
            );
            assert_eq!(FailureCode::from_name(code.name()), Some(*code));
        }
    }
}
