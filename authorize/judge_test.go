package authorize_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// confirm types the code that a page shows.
func confirm(t *testing.T, b *enginetest.Mount, page string) map[string]any {
	t.Helper()
	code := enginetest.CodeOn(page)
	if code == "" {
		t.Fatalf("the page shows no code: %s", page)
	}
	return b.Write("confirm/r", enginetest.Fields{"confirmation_code": code}).Data
}

// What comes with a state uses it up, and is taken only when it is what it should be (RFC 6749 section 4.1.2, RFC 9207).
func TestAnswersThatAreNotTaken(t *testing.T) {
	const issuer = "https://issuer.example"
	for name, c := range map[string]struct {
		provider, params enginetest.Fields
		want             string // of the page; "" for one that is taken
	}{
		"denied":                         {nil, enginetest.Fields{"code": nil, "error": "access_denied", "error_description": enginetest.Canary}, "chose not to agree"},
		"an error of their own":          {nil, enginetest.Fields{"error": enginetest.Canary + "<b>"}, "begin again"},
		"no code":                        {nil, enginetest.Fields{"code": nil}, "without an authorization code"},
		"a code of another name":         {enginetest.Fields{"authorization_code_parameter": "spapi_oauth_code"}, nil, "authorization_code_parameter"},
		"iss agrees":                     {enginetest.Fields{"issuer": issuer, "token_endpoint_auth_method": "client_secret_post"}, enginetest.Fields{"iss": issuer}, ""},
		"iss is another's":               {enginetest.Fields{"issuer": issuer}, enginetest.Fields{"iss": issuer + "/"}, "RFC 9207"},
		"iss is empty":                   {enginetest.Fields{"issuer": issuer}, enginetest.Fields{"iss": ""}, "RFC 9207"},
		"iss is missing":                 {enginetest.Fields{"issuer": issuer, "authorization_response_iss_parameter_supported": true}, nil, "RFC 9207"},
		"iss is missing in an error too": {enginetest.Fields{"issuer": issuer, "authorization_response_iss_parameter_supported": true}, enginetest.Fields{"error": "access_denied"}, "RFC 9207"},
		"iss need not be there":          {enginetest.Fields{"issuer": issuer}, nil, ""},
		"a check that agrees":            {enginetest.Fields{"callback_checks": enginetest.Fields{"accounts-server": "https://accounts.example.eu"}}, enginetest.Fields{"accounts-server": "https://accounts.example.eu"}, ""},
		"a check that does not":          {enginetest.Fields{"callback_checks": enginetest.Fields{"accounts-server": "https://accounts.example.eu"}}, enginetest.Fields{"accounts-server": "https://evil.example"}, "provider_params"},
		"a check that is missing":        {enginetest.Fields{"callback_checks": enginetest.Fields{"shop": "a.example"}}, nil, "provider_params"},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			delete(c.provider, "token_endpoint_auth_method")
			server := authorizationOf(t, b, c.provider)
			back := enginetest.With(server.Agree(b.Authorize()), c.params)
			status, page := b.Callback(back)
			if c.want == "" {
				confirm(t, b, page)
				return
			}
			if status != http.StatusBadRequest || !strings.Contains(page, c.want) || strings.Contains(page, enginetest.Canary) || len(server.Requests()) != 0 {
				t.Errorf("%d, %d requests: %s", status, len(server.Requests()), page)
			}
			if got := b.Data("authorize/r"); got["state"] != "failed" || got["error"] == nil {
				t.Errorf("%v", got)
			}
			b.Rejects(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": "BCDF-GHJK"}, "what you have begun has failed")
			if status, page := b.Callback(server.Agree(b.Authorize())); c.provider == nil && (status != http.StatusOK || enginetest.CodeOn(page) == "") {
				t.Errorf("the next one: %d %s", status, page)
			}
		})
	}
}

// authorizationOf is an authorization server whose issuer, if it has one, publishes nothing.
func authorizationOf(t *testing.T, b *enginetest.Mount, f enginetest.Fields) *enginetest.Authorization {
	server := enginetest.NewAuthorization(t, b)
	rest := maps.Clone(f)
	if issuer, ok := rest["issuer"]; ok {
		delete(rest, "issuer")
		p := server.URL()
		b.Storage.Edit(t, "provider/test", func(entry map[string]any) { entry["issuer"] = issuer })
		_ = p
	}
	if len(rest) > 0 {
		b.Write("providers/test", rest)
	}
	return server
}

// Parameters that the API needs later come with the lease, as they came with the consent, and stay over refreshes.
func TestCallbackFieldsAreHandedOn(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b, enginetest.Fields{"callback_fields": "realmId", "account_pointer": "/callback/realmId"})
	_, page := b.Callback(enginetest.With(server.Agree(b.Authorize()), enginetest.Fields{"realmId": "9130347", "other": "x"}))
	if !strings.Contains(page, "9130347") {
		t.Errorf("the page does not name the account: %s", page)
	}
	if done := confirm(t, b, page); done["account"] != "9130347" || done["account_verified"] != false {
		t.Errorf("%v", done)
	}
	for range 2 {
		if got := b.Data("creds/r"); got["realmId"] != "9130347" || got["other"] != nil {
			t.Errorf("%v", got)
		}
		b.Write("refresh/r", nil)
	}
	if got := b.Data("status/r"); got["account"] != "9130347" {
		t.Errorf("%v", got)
	}
}

// Without a refresh token there is no grant, and the sentence says where to look.
func TestNoRefreshTokenActivatesNothing(t *testing.T) {
	for want, provider := range map[string]enginetest.Fields{
		"write it to authorization_params": nil, "offline_scope of the provider was asked for": {"offline_scope": "offline_access"},
		"authorization_params were sent": {"authorization_params": enginetest.Fields{"access_type": "offline"}},
	} {
		b := enginetest.New(t)
		server := enginetest.NewAuthorization(t, b, provider)
		server.Answer = func(answer enginetest.Fields) { delete(answer, "refresh_token") }
		status, page := b.Callback(server.Agree(b.Authorize()))
		if status != http.StatusBadRequest || enginetest.CodeOn(page) != "" || !strings.Contains(page, want) {
			t.Errorf("%d %s", status, page)
		}
		if got := b.Data("authorize/r"); !strings.Contains(fmt.Sprint(got["error"]), "no refresh token") {
			t.Errorf("%v", got)
		}
		if got := b.Data("status/r"); got["state"] != "unauthorized" {
			t.Errorf("%v", got)
		}
	}
}

// Consent brings a new grant in place, whatever became of the old one, and says when it is another account's.
func TestAGrantIsAuthorizedAnew(t *testing.T) {
	for name, happens := range map[string]func(*enginetest.Mount, *enginetest.Authorization){
		"living": func(*enginetest.Mount, *enginetest.Authorization) {},
		"dead": func(b *enginetest.Mount, server *enginetest.Authorization) {
			server.Grant.Revoke()
			b.Refused(enginetest.WriteOp, "refresh/r", nil)
		},
		"written by hand": func(b *enginetest.Mount, _ *enginetest.Authorization) {
			b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "other"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewAuthorization(t, b, enginetest.Fields{"account_pointer": "/answer/id"})
			account := "alice"
			server.Answer = func(answer enginetest.Fields) { answer["id"] = account }
			_, page := b.Callback(server.Agree(b.Authorize()))
			confirm(t, b, page)
			first := b.Data("creds/r")["token_id"]
			happens(b, server)
			if got := b.Data("status/r"); got["state"] == "dead" && !strings.Contains(got["next_step"].(string), "vault write -force oauth/authorize/r") {
				t.Errorf("%v", got["next_step"])
			}
			account = "bob"
			begun := b.Write("authorize/r", nil)
			if name == "living" && (begun.Data["current_account"] != "alice" || len(begun.Warnings) != 2) {
				t.Errorf("%v %q", begun.Data, begun.Warnings)
			}
			before := b.Data("status/r")["state"]
			_, page = b.Callback(server.Agree(begun.Data["authorization_url"].(string)))
			if got := b.Data("status/r")["state"]; got != before {
				t.Errorf("before confirm it is %v, was %v", got, before)
			}
			resp := b.Write("confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)})
			if name != "written by hand" && (resp.Data["account"] != "bob" || resp.Data["previous_account"] != "alice" || len(resp.Warnings) != 1) {
				t.Errorf("%v %q", resp.Data, resp.Warnings)
			}
			if got := b.Data("creds/r"); got["token_id"] == first || got["generation"] != int64(1) || !server.Grant.Live(got["access_token"].(string)) && server.Grant.Refreshes() > 0 {
				t.Errorf("%v", got)
			}
			if got := b.Data("status/r"); got["state"] != "ok" || got["account"] != "bob" {
				t.Errorf("%v", got)
			}
			b.Write("refresh/r", nil)
		})
	}
}

// A code that was got elsewhere needs its redirect URI, and its verifier where there was one.
func TestACodeThatWasGotElsewhere(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	const there, verifier = "https://portal.example/cb", "a-verifier-of-at-least-forty-three-characters-x"
	asked := func(challenge string) string {
		address := server.URL() + "/authorize?tenant=a&response_type=code&client_id=the-client&redirect_uri=" + there + "&state=" + strings.Repeat("s", 43)
		if challenge != "" {
			address += "&code_challenge=" + challenge
		}
		return server.Agree(address)["code"].(string)
	}
	b.Rejects(enginetest.WriteOp, "confirm/r", enginetest.Fields{"authorization_code": "x"}, "needs the redirect_uri")
	b.Rejects(enginetest.WriteOp, "confirm/r", enginetest.Fields{"authorization_code": "x", "confirmation_code": "y"}, "write one of")
	b.Rejects(enginetest.WriteOp, "confirm/r", enginetest.Fields{"redirect_uri": there}, "belong to authorization_code")
	code := asked("")
	b.Refused(enginetest.WriteOp, "confirm/r", enginetest.Fields{"authorization_code": code, "redirect_uri": there + "x"})
	b.Write("confirm/r", enginetest.Fields{"authorization_code": asked("") + "\n", "redirect_uri": there})
	b.Data("creds/r")
	b.Refused(enginetest.WriteOp, "confirm/r", enginetest.Fields{"authorization_code": asked(client.Challenge(verifier)), "redirect_uri": there})
	b.Write("confirm/r", enginetest.Fields{"authorization_code": asked(client.Challenge(verifier)), "redirect_uri": there, "code_verifier": verifier})

	// One that was exchanged, and could not be made the role's, is not presented again.
	last := enginetest.Fields{"authorization_code": asked(""), "redirect_uri": there}
	b.Storage.OnPut(failing("role/"))
	if _, err := b.Try(t.Context(), enginetest.WriteOp, "confirm/r", last); err == nil {
		t.Error("a confirm that stored nothing is told as done")
	}
	b.Storage.OnPut(nil)
	b.Write("confirm/r", last)
	if server.Used != 0 {
		t.Error("a code was presented twice")
	}
	for i := range 20 { // of codes that are no good one entry stays, and they lock nobody out
		b.Refused(enginetest.WriteOp, "confirm/r", enginetest.Fields{"authorization_code": fmt.Sprint("none-", i), "redirect_uri": there})
	}
	if left := consents(t, b); len(left) != 1 {
		t.Errorf("%d are left", len(left))
	}
	b.Authorize()
}

// What was begun ends with the grant's revocation and with the role: nobody finishes it afterwards, on a role of the same
// name neither, and its tokens are gone.
func TestWhatWasBegunEndsWithTheGrantAndTheRole(t *testing.T) {
	for name, ends := range map[string]func(*enginetest.Mount){
		"revoke": func(b *enginetest.Mount) { b.Write("revoke/r", nil) },
		"delete": func(b *enginetest.Mount) {
			b.Delete("roles/r")
			b.WriteRole("r", enginetest.Fields{"refresh_token": nil, "scope": "read"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewAuthorization(t, b)
			b.Write("providers/test", enginetest.Fields{"revocation_endpoint": server.URL() + "/revoke"})
			b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"refresh_token": nil}))
			token := server.Handler()
			server.Handle(func(r *clienttest.Request) clienttest.Answer {
				if r.Path == "/revoke" {
					return clienttest.Answer{Status: 200}
				}
				return token(r)
			})
			_, page := b.Callback(server.Agree(b.Authorize()))
			confirm(t, b, page)
			mallory := b.As("mallory")
			_, page = b.Callback(server.Agree(mallory.Authorize()))
			ends(b)
			mallory.Rejects(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)}, "you have begun nothing")
			if left := consents(t, b); len(left) != 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

// What a role was written for is where people are sent, and no other place, until it is written once more.
func TestNobodyIsSentWhereTheRoleWasNotWrittenFor(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	back := server.Agree(b.Authorize())
	b.Write("providers/test", enginetest.Fields{"authorization_endpoint": "https://evil.example/authorize"})
	b.Rejects(enginetest.WriteOp, "authorize/r", nil, "at another place than when this role was written")
	if status, page := b.Callback(back); status != http.StatusBadRequest || !strings.Contains(page, "has changed since") || len(server.Requests()) != 0 {
		t.Errorf("%d %s", status, page)
	}
	b.Write("roles/r", enginetest.Fields{"scope": "read"})
	if got := b.Authorize(); !strings.HasPrefix(got, "https://evil.example/authorize?") {
		t.Errorf("%s", got)
	}
	b.Storage.Edit(t, "role/r", func(entry map[string]any) { delete(entry, "authorization_origin") }) // as an earlier version wrote it
	b.Rejects(enginetest.WriteOp, "authorize/r", nil, "write the role once more, for which no secret is needed")
}

// A client that was changed meanwhile is another one: what was agreed to is not its.
func TestAConsentIsOneOfTheClientThatAskedForIt(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	_, page := b.Callback(server.Agree(b.Authorize()))
	b.Write("roles/r", enginetest.Fields{"client_id": "another"})
	b.Rejects(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)}, "have changed since this was begun")
}
