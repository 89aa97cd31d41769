# SECRET, ID and TIMESTAMP hold the secret and the headers webhook-id and webhook-timestamp;
# body.json holds the raw body. Prints what webhook-signature must contain.
key=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
{ printf '%s.%s.' "$ID" "$TIMESTAMP"; cat body.json; } |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 | sed 's/^/v1,/'
