package e2e

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// An operator knows a server's issuer and nothing else. What the server says about itself is taken once, and
// later changes are shown before they count; secrets stay where they were written for.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	server, moved := startOAuthServer(t, time.Minute), startOAuthServer(t, time.Minute)
	l := newLab(t)
	sh := l.with("ISSUER="+server.URL, "AUTHORITY="+server.authority(), "ID="+oauthClient, "SECRET="+oauthSecret, "GRANT="+server.grant())
	sh.run(`cat "$SANDBOX_CA" "$AUTHORITY" >both.pem && vault write oauth/config ca_certificate=@both.pem`)

	if text := sh.refused(400, `vault write oauth/providers/library issuer="$ISSUER/"`); !strings.Contains(text, "slash at its end") {
		t.Errorf("another issuer's metadata: %s", text)
	}
	filled := map[string]string{
		"token_endpoint": server.URL + "/token", "revocation_endpoint": server.URL + "/revoke", "token_endpoint_auth_method": "client_secret_basic",
	}
	parseSecret(t, sh.run(`vault write -format=json oauth/providers/library issuer="$ISSUER" refresh_token_rotation=always`)).want(t, filled)
	sh.read("oauth/providers/library").want(t, filled)
	sh.run(`vault write oauth/roles/peter provider=library client_id="$ID" client_secret="$SECRET" refresh_token="$GRANT"`)
	if !server.live(sh.read("oauth/creds/peter").token()) {
		t.Fatal("the library does not accept the access token")
	}

	metadata := map[string]any{"issuer": server.URL, "token_endpoint": server.URL + "/token"}
	server.publish(metadata)
	shown := sh.write("oauth/providers/library/rediscover")
	changes, _ := shown.Data["changes"].(map[string]any)
	if _, ok := changes["revocation_endpoint"]; !ok || len(changes) != 1 {
		t.Errorf("the difference is %v", changes)
	}
	sh.read("oauth/providers/library").want(t, filled) // nothing has changed yet
	sh = sh.with("DIGEST=" + shown.get("digest"))
	server.publish(with(metadata, "token_endpoint", server.URL+"/other"))
	sh.refused(400, `vault write oauth/providers/library/rediscover accept="$DIGEST"`)
	server.publish(metadata)
	sh.run(`vault write oauth/providers/library/rediscover accept="$DIGEST"`)
	if got := sh.read("oauth/providers/library").Data["revocation_endpoint"]; got != nil {
		t.Errorf("the revocation endpoint is still %v", got)
	}
	sh.run("vault write -force oauth/refresh/peter")

	movedElsewhere(t, sh, server, with(metadata, "token_endpoint", moved.URL+"/token"))
	if got := moved.tally().Requests; got != 0 {
		t.Errorf("%d requests at the place that nobody wrote secrets for", got)
	}
}

// movedElsewhere takes a token endpoint on another port: the CLI shows a warning, and the role is blocked.
func movedElsewhere(t *testing.T, sh shell, server *oauthServer, metadata map[string]any) {
	server.publish(metadata)
	digest := sh.run("vault write -force -field=digest oauth/providers/library/rediscover")
	_, warning, err := sh.with("DIGEST=" + digest).try(`vault write oauth/providers/library/rediscover accept="$DIGEST"`)
	if err != nil || !strings.Contains(warning, "token_endpoint: now on another host or port") {
		t.Errorf("%v, the warning is %q", err, warning)
	}
	sh.read("oauth/status/peter").want(t, map[string]string{"state": "blocked"})
	if text := sh.refused(400, "vault write -force oauth/refresh/peter"); !strings.Contains(text, "another place") {
		t.Errorf("the refusal is %s", text)
	}
}

func with(fields map[string]any, field string, value any) map[string]any {
	changed := maps.Clone(fields)
	changed[field] = value
	return changed
}
