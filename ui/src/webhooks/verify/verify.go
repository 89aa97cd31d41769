package hooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Verify says whether InboxOps sent this: body is the bytes that came, before any parsing.
func Verify(secrets []string, header http.Header, body []byte) bool {
	return Why(secrets, header, body) == ""
}

// Why says why it is not taken for a request of InboxOps, as a sentence; "" if it is one.
func Why(secrets []string, header http.Header, body []byte) string {
	event, sent, signatures := header.Get("webhook-id"), header.Get("webhook-timestamp"), header.Get("webhook-signature")
	if event == "" || sent == "" || signatures == "" {
		return "webhook-id, webhook-timestamp or webhook-signature is missing."
	}
	at, err := strconv.ParseUint(sent, 10, 40)
	if err != nil {
		return "webhook-timestamp is not a number of seconds."
	}
	if away := time.Now().Unix() - int64(at); away > 300 || away < -300 {
		return "webhook-timestamp is more than 300 seconds away from this machine's clock."
	}
	reason := "There is no secret to check with."
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(secret), "whsec_"))
		if err != nil || len(key) == 0 {
			continue
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(event + "." + sent + "."))
		mac.Write(body)
		want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		for _, one := range strings.Split(signatures, " ") {
			if hmac.Equal(want, []byte(one)) {
				return ""
			}
		}
		reason = "No signature fits: another secret, or not the bytes that came."
	}
	return reason
}
