package client

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A server that refuses to replace a token that is still good refuses neither the client nor the grant.
func TestTooEarlyIsNoRefusal(t *testing.T) {
	for _, answer := range []clienttest.Answer{
		clienttest.JSON(400, `{"error":"access_denied","error_description":"Rate limit exceeded: access_token not expired"}`),
		clienttest.JSON(401, `{"error":"unauthorized_client","error_description":"The access token has not yet expired."}`),
		clienttest.JSON(400, `{"error_description":"access token is not expired"}`),
	} {
		_, err := exchange(t, &Provider{}, answer)
		if e := asError(t, err); e.Class != NotProcessed || e.Silent || e.Entry != "" || strings.Contains(e.Reason, "client_secret") || !strings.Contains(e.Reason, "refresh_window") {
			t.Errorf("%+v", e)
		}
	}
	for body, want := range map[string]Class{
		`{"error":"invalid_grant","error_description":"token not expired but revoked"}`:    GrantRefused,
		`{"error":"access_denied","error_description":"refresh token expired"}`:            ClientRefused,
		`{"error":"temporarily_unavailable","error_description":"the token not expired"}`:  NotProcessed,
		`{"error":"invalid_client","error_description":"client secret has expired or so"}`: ClientRefused,
	} {
		_, err := exchange(t, &Provider{}, clienttest.JSON(400, body))
		if e := asError(t, err); e.Class != want || strings.Contains(e.Reason, "refresh_window") {
			t.Errorf("%s: %+v", body, e)
		}
	}
}
