package authorize_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

func TestMain(m *testing.M) { os.Exit(m.Run()) }

// consents are the storage keys of consents.
func consents(t *testing.T, b *enginetest.Mount) (keys []string) {
	for key := range b.Storage.Contents(t) {
		if strings.HasPrefix(key, "consent/") {
			keys = append(keys, key)
		}
	}
	return keys
}

// The whole way: a role without a grant, a person who agrees, the code from the page, a lease, and refreshes from then on.
func TestFromARoleWithoutAGrantToALease(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	anna := b.As("anna")
	if got := b.Data("status/r"); got["state"] != "unauthorized" || !strings.Contains(got["next_step"].(string), "vault write -force oauth/authorize/r") {
		t.Errorf("before: %v, %v", got["state"], got["next_step"])
	}
	b.Rejects(enginetest.ReadOp, "creds/r", nil, "vault write -force oauth/authorize/r")
	begun := anna.Write("authorize/r", nil).Data
	if begun["redirect_uri"] != enginetest.ExternalURL+"/callback/test" || begun["finish"] != "vault write oauth/confirm/r confirmation_code=..." {
		t.Errorf("%v", begun)
	}
	if got := anna.Data("authorize/r"); got["state"] != "begun" {
		t.Errorf("%v", got)
	}
	status, page := b.Callback(server.Agree(begun["authorization_url"].(string)))
	code := enginetest.CodeOn(page)
	if status != http.StatusOK || code == "" || !strings.Contains(page, "userpass-anna") {
		t.Fatalf("%d %s", status, page)
	}
	if got := anna.Data("authorize/r"); got["state"] != "granted" {
		t.Errorf("%v", got)
	}
	if got := b.Data("status/r"); got["state"] != "unauthorized" || got["consent_state"] != "granted" || got["consent_began_by"] != "userpass-anna" {
		t.Errorf("before confirm: %v", got)
	}
	b.Rejects(enginetest.ReadOp, "creds/r", nil, "no refresh token")
	done := anna.Write("confirm/r", enginetest.Fields{"confirmation_code": strings.ToLower(strings.ReplaceAll(code, "-", " "))}).Data
	if done["generation"] != int64(1) || done["token_id"] == nil {
		t.Errorf("%v", done)
	}
	if left := consents(t, b); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
	first := b.Data("creds/r")
	if first["generation"] != int64(1) || first["token_id"] != done["token_id"] {
		t.Errorf("%v", first)
	}
	if got := b.Write("refresh/r", nil).Data; got["generation"] != int64(2) {
		t.Errorf("%v", got)
	}
	if n := server.Grant.Refreshes(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
	if got := b.Data("status/r"); got["state"] != "ok" || got["authorized_at"] == nil {
		t.Errorf("%v", got)
	}
}

// Whatever is not to be told apart is one page, and nothing is stored, sent or used up by it.
func TestStatesThatCountForNothingLookAlike(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	b.Write("providers/other", enginetest.Fields{"token_endpoint": server.URL() + "/token", "authorization_endpoint": server.URL() + "/authorize"})
	b.WriteRole("gone", enginetest.Fields{"refresh_token": nil})
	back := server.Agree(b.Authorize())
	used := server.Agree(b.Authorize())
	b.Callback(used)
	ofGone := server.Agree(b.Write("authorize/gone", nil).Data["authorization_url"].(string))
	dropped := server.Agree(b.As("someone").Authorize())
	b.As("someone").Delete("authorize/r")
	before, sent := b.Storage.Contents(t), len(server.Requests())
	state := back["state"].(string)
	_, want := b.Callback(nil)
	if enginetest.CodeOn(want) != "" || !strings.Contains(want, "shown once") {
		t.Fatalf("%s", want)
	}
	for name, c := range map[string]struct {
		path   string
		params enginetest.Fields
	}{
		"no parameters": {"callback/test", nil}, "an empty state": {"callback/test", enginetest.Fields{"state": "", "code": "c"}},
		"an unknown state":  {"callback/test", enginetest.With(back, enginetest.Fields{"state": state[:len(state)-2] + "AA"})},
		"a short state":     {"callback/test", enginetest.With(back, enginetest.Fields{"state": state[1:]})},
		"a path as state":   {"callback/test", enginetest.With(back, enginetest.Fields{"state": "../" + state[3:]})},
		"used":              {"callback/test", used},
		"dropped":           {"callback/test", dropped},
		"another provider":  {"callback/other", back},
		"no provider":       {"callback/none", back},
		"a name with slash": {"callback/test/x", back},
		"the state twice":   {"callback/test", enginetest.With(back, enginetest.Fields{"state": []any{state, state}})},
		"a parameter twice": {"callback/test", enginetest.With(back, enginetest.Fields{"x": []any{"1", "2"}})},
		"64 KiB":            {"callback/test", enginetest.With(back, enginetest.Fields{"x": strings.Repeat("x", 64<<10)})},
	} {
		for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation} {
			if status, page := b.Browse(c.path, op, c.params); status != http.StatusBadRequest || page != want {
				t.Errorf("%s, %s: %d %s", name, op, status, page)
			}
		}
	}
	for _, op := range []logical.Operation{logical.HeaderOperation, logical.DeleteOperation, logical.PatchOperation} {
		if status, page := b.Browse("callback/test", op, back); status != http.StatusMethodNotAllowed || page != want {
			t.Errorf("%s: %d %s", op, status, page)
		}
	}
	if !slices.Equal(consentsOf(before), consentsOf(b.Storage.Contents(t))) || len(server.Requests()) != sent {
		t.Error("something was stored, or sent")
	}
	b.Delete("roles/gone")
	if status, page := b.Callback(ofGone); status == http.StatusOK || enginetest.CodeOn(page) != "" {
		t.Errorf("of a role that is gone: %d %s", status, page)
	}
	if status, _ := b.Callback(back); status != http.StatusOK {
		t.Errorf("after all that the right one gets %d", status)
	}
	if server.Used != 0 {
		t.Error("a code was presented twice")
	}
}

// consentsOf are the entries of consents, with their keys.
func consentsOf(contents map[string]string) (entries []string) {
	for key, value := range contents {
		if strings.HasPrefix(key, "consent/") {
			entries = append(entries, key+" "+value)
		}
	}
	slices.Sort(entries)
	return entries
}

// Mallory begins and sends the link to Alice, who agrees: without what Alice's browser was shown, nothing that Mallory can
// do brings her grant. Nor can Alice be talked into finishing it.
func TestWhoBeganGetsNothingWithoutWhatTheBrowserWasShown(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	mallory, alice := b.As("mallory"), b.As("alice")
	_, page := b.Callback(server.Agree(mallory.Authorize()))
	code := enginetest.CodeOn(page)
	seen := fmt.Sprint(mallory.Data("authorize/r"), mallory.Data("status/r"), mallory.Data("explain/r"), mallory.Data("roles/r"), mallory.Data("status"))
	if strings.Contains(seen, code) || strings.Contains(seen, enginetest.Canary) {
		t.Errorf("what can be read tells it: %s", seen)
	}
	mallory.Rejects(enginetest.WriteOp, "confirm/r", nil, "confirm takes one of")
	mallory.Rejects(enginetest.ReadOp, "creds/r", nil, "no refresh token")
	alice.Rejects(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": code}, "you have begun nothing")
	alice.Delete("authorize/r") // what another has begun is not Alice's to drop
	for i := range 5 {
		mallory.Refused(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": fmt.Sprintf("BCDF-GHJ%c", "KLMNP"[i])})
	}
	mallory.Rejects(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": code}, "five confirmation codes were wrong")
	if got := mallory.Data("status/r"); got["state"] != "unauthorized" {
		t.Errorf("%v", got)
	}
	for _, key := range consents(t, b) {
		if strings.Contains(b.Storage.Contents(t)[key], "first-1") {
			t.Error("the tokens are kept")
		}
	}
}

// Four wrong codes cost nothing.
func TestARightCodeAfterFourWrongOnes(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	_, page := b.Callback(server.Agree(b.Authorize()))
	for i := range 4 {
		b.Refused(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": fmt.Sprintf("BCDF-GHJ%c", "KLMN"[i])})
	}
	b.Write("confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)})
}

// A caller's consents of a role are bounded, and neither other callers nor other roles are locked out by them.
func TestConsentsAreBoundedForEachCallerAndRole(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	b.WriteRole("s", enginetest.Fields{"refresh_token": nil})
	mallory, alice := b.As("mallory"), b.As("alice")
	for range 5 {
		mallory.Authorize()
	}
	mallory.Rejects(enginetest.WriteOp, "authorize/r", nil, "you have begun 5 consents of this role that are not finished")
	mallory.Write("authorize/s", nil)
	b.Callback(server.Agree(alice.Authorize()))
	mallory.Delete("authorize/r")
	mallory.Authorize()
	if got := alice.Data("authorize/r"); got["state"] != "granted" {
		t.Errorf("%v", got)
	}
}

// Who is refused again and again by the provider is not locked out by that, and leaves nothing behind.
func TestConsentsThatFailedCountForNothing(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	for range 12 {
		b.Callback(enginetest.With(server.Agree(b.Authorize()), enginetest.Fields{"error": "access_denied"}))
	}
	if left := consents(t, b); len(left) != 1 {
		t.Errorf("%d are left", len(left))
	}
}

// Where no browser reaches Vault, the address at which it ends is pasted. Only who has begun can bring it, and only whole.
func TestTheAddressIsPasted(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	anna := b.As("anna")
	const here = "http://127.0.0.1:8400/cb?app=1"
	begun := anna.Write("authorize/r", enginetest.Fields{"redirect_uri": here}).Data
	if begun["finish"] != "vault write oauth/confirm/r redirected_to=-" {
		t.Errorf("%v", begun)
	}
	back := server.Agree(begun["authorization_url"].(string))
	q := url.Values{"code": {back["code"].(string)}, "state": {back["state"].(string)}}
	at := func(address string) enginetest.Fields { return enginetest.Fields{"redirected_to": address} }
	for want, address := range map[string]string{
		"must be the whole address": "code and state", "has a fragment": here + "&" + q.Encode() + "#x",
		"holds a parameter twice": here + "&" + q.Encode() + "&code=x", "holds no state": here + "&code=x",
		"is not the redirect_uri": "http://127.0.0.1:8400/other?" + q.Encode(), "you have begun nothing": here + "&code=x&state=" + strings.Repeat("0", 75),
	} {
		anna.Rejects(enginetest.WriteOp, "confirm/r", at(address), want)
	}
	b.Storage.OnGet(func(key string) error {
		if key == "" {
			return fmt.Errorf("storage has no such key")
		}
		return nil
	})
	anna.Rejects(enginetest.WriteOp, "confirm/r", at(here+"&code=x&state=no-state"), "you have begun nothing")
	b.Storage.OnGet(nil)
	whole := here + "&" + q.Encode() + "\n"
	b.As("mallory").Rejects(enginetest.WriteOp, "confirm/r", at(whole), "you have begun nothing")
	b.WriteRole("s", enginetest.Fields{"refresh_token": nil})
	anna.Rejects(enginetest.WriteOp, "confirm/s", at(whole), "you have begun nothing")
	if status, _ := b.Callback(back); status != http.StatusBadRequest {
		t.Errorf("the callback takes what belongs elsewhere: %d", status)
	}
	if got := anna.Write("confirm/r", at(whole)).Data; got["generation"] != int64(1) {
		t.Errorf("%v", got)
	}
	denied := anna.Write("authorize/r", enginetest.Fields{"redirect_uri": here}).Data["authorization_url"].(string)
	u, _ := url.Parse(denied)
	if got := anna.Refused(enginetest.WriteOp, "confirm/r", at(here+"&error=access_denied&error_description="+enginetest.Canary+"&state="+u.Query().Get("state"))); strings.Contains(got, enginetest.Canary) {
		t.Errorf("%q", got)
	}
	if server.Used != 0 {
		t.Error("a code was presented twice")
	}
}

// A redirect URI is the mount's own, one of the role's, or of this machine.
func TestRedirectURIs(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewAuthorization(t, b)
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"redirect_uris": "http://app.example/cb"}, "must begin with https://")
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"redirect_uris": "https://app.example/cb#x"}, "no fragment")
	b.Write("roles/r", enginetest.Fields{"redirect_uris": "https://app.example/cb"})
	for uri, want := range map[string]string{
		"https://app.example/cb/": "none of this role's redirect_uris", "https://APP.example/cb": "none of this role's", "http://app.example/": "must begin with https://",
		"http://127.0.0.1.evil.example/": "must begin with https://", "http://127.0.0.1@evil.example/": "absolute URL", "javascript:alert(1)": "absolute URL",
		"http://127.0.0.1:1/#x": "no fragment", "//127.0.0.1/": "must begin with https://", "https://vault.example/v1/oauth/callback/other": "none of this role's",
	} {
		b.Rejects(enginetest.WriteOp, "authorize/r", enginetest.Fields{"redirect_uri": uri}, want)
	}
	for _, uri := range []string{"https://app.example/cb", "http://127.0.0.1:8400/", "http://[::1]:8400/x", "http://localhost/", enginetest.ExternalURL + "/callback/test"} {
		b.Write("authorize/r", enginetest.Fields{"redirect_uri": uri})
		b.Delete("authorize/r")
	}
	for field, text := range map[string]string{"scope": "read\nwrite", "login_hint": "anna\u2028"} {
		b.Rejects(enginetest.WriteOp, "authorize/r", enginetest.Fields{field: text}, field+" holds a line break")
	}
	b.Write("config", enginetest.Fields{"external_url": ""})
	b.Rejects(enginetest.WriteOp, "authorize/r", nil, "write external_url to config")
	for address, want := range map[string]string{
		"https://v.example/v1/../oauth": "/../", "https://v.example/v1//oauth": "//", "https://v.example:70000/v1/oauth": "the address of this mount's API",
		"https://v.example/v1/o\"auth": "the address of this mount's API", "https://v.example/v1/oäuth": "the address of this mount's API",
		"https://v.example/oauth": "must have /v1/", "https://v.example": "must have /v1/", "http://v.example/v1/oauth": "must begin with https://",
	} {
		b.Rejects(enginetest.WriteOp, "config", enginetest.Fields{"external_url": address}, want)
	}
}

// Browsers show an address as they write it: host in lower case, without the port that the scheme implies, with a slash.
func TestAnAddressIsPastedAsBrowsersShowIt(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	b.Write("roles/r", enginetest.Fields{"redirect_uris": "https://App.Example.com:443/cb?a=b"})
	for uri, shown := range map[string]string{
		"http://127.0.0.1:8400": "http://127.0.0.1:8400/?", "http://127.0.0.1:80/x": "http://127.0.0.1/x?", "https://App.Example.com:443/cb?a=b": "https://app.example.com/cb?a=b&",
	} {
		q := url.Values{}
		for name, value := range server.Agree(b.Authorize(enginetest.Fields{"redirect_uri": uri})) {
			q.Set(name, value.(string))
		}
		for _, other := range []string{"http://127.0.0.1:8401/?", "http://127.0.0.1:8400/y?", "https://app.example.com/cb?a=c&", "https://app.example.com/CB?a=b&", "http://app.example.com/cb?a=b&"} {
			b.Refused(enginetest.WriteOp, "confirm/r", enginetest.Fields{"redirected_to": other + q.Encode()})
		}
		b.Write("confirm/r", enginetest.Fields{"redirected_to": shown + q.Encode()})
	}
}

// A scope among the parameters of the authorization URL is what is asked for, and said, unless the caller names another.
// With openid in it an ID token will come, which needs a nonce.
func TestAScopeOfTheAuthorizationURL(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewAuthorization(t, b)
	b.Write("roles/r", enginetest.Fields{"scope": "read", "authorization_params": enginetest.Fields{"scope": "openid offline"}})
	for asked, want := range map[string]string{"": "openid offline", "write": "write"} {
		got := b.Write("authorize/r", enginetest.Fields{"scope": asked}).Data
		u, err := url.Parse(got["authorization_url"].(string))
		if q := u.Query(); err != nil || got["scope"] != want || q.Get("scope") != want || q.Has("nonce") != (asked == "") {
			t.Errorf("%q: %v, %v", asked, got, err)
		}
	}
}
