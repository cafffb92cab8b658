package authorize_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// pushing makes the server one that takes pushed requests only, and returns what was pushed last.
func pushing(b *enginetest.Mount, server *enginetest.Authorization) (pushed *url.Values) {
	b.Write("providers/test", enginetest.Fields{
		"pushed_authorization_request_endpoint": server.URL() + "/par", "require_pushed_authorization_requests": true,
	})
	pushed = new(url.Values)
	answer := server.Handler()
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path != "/par" {
			return answer(r)
		}
		*pushed = r.Form
		return clienttest.JSON(201, `{"request_uri":"urn:ietf:params:oauth:request_uri:abc","expires_in":60}`)
	})
	return pushed
}

// start opens the start page and returns where it leads to, "" for a page.
func start(t *testing.T, b *enginetest.Mount, address string) string {
	t.Helper()
	path, ok := strings.CutPrefix(address, enginetest.ExternalURL+"/")
	if !ok || !strings.HasPrefix(path, "start/") {
		t.Fatalf("the address is %s", address)
	}
	resp, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.ReadOperation, Path: path, Storage: b.Storage})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Redirect == "" && resp.Data[logical.HTTPStatusCode] != http.StatusBadRequest {
		t.Errorf("%v", resp.Data)
	}
	return resp.Redirect
}

// A pushed request leaves when the browser is there, with the client's authentication, and the browser goes on with no
// more than its name (RFC 9126). What stands in the start page's address is no state.
func TestPushedRequests(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	pushed := pushing(b, server)
	address := b.Authorize()
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests before anybody came", n)
	}
	on := start(t, b, address)
	if q, _ := url.Parse(on); q.Query().Get("request_uri") != "urn:ietf:params:oauth:request_uri:abc" || q.Query().Get("client_id") != "the-client" || q.Query().Has("state") {
		t.Errorf("the browser goes to %s", on)
	}
	if pushed.Get("client_secret") != enginetest.Canary+"secret" || pushed.Get("code_challenge") == "" || strings.Contains(address, pushed.Get("state")) {
		t.Errorf("pushed: %v", *pushed)
	}
	ticket := strings.TrimPrefix(address, enginetest.ExternalURL+"/start/")
	if status, _ := b.Callback(enginetest.Fields{"state": ticket, "code": "x"}); status != http.StatusBadRequest {
		t.Errorf("the address counts as a state: %d", status)
	}
	back := server.Agree(server.URL() + "/authorize?tenant=a&" + only(*pushed).Encode())
	_, page := b.Callback(back)
	confirm(t, b, page)
	b.Data("creds/r")
}

// only is what an authorization request holds of a pushed one.
func only(pushed url.Values) url.Values {
	q := url.Values{}
	for name, values := range pushed {
		if name != "client_secret" {
			q[name] = values
		}
	}
	return q
}

// Why the provider did not take the request is told to whoever began, too.
func TestAPushThatIsRefused(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	pushing(b, server)
	server.Handle(func(*clienttest.Request) clienttest.Answer {
		return clienttest.JSON(400, `{"error":"invalid_scope","error_description":"`+enginetest.Canary+`"}`)
	})
	if on := start(t, b, b.Authorize()); on != "" {
		t.Errorf("on to %s", on)
	}
	got := b.Data("authorize/r")
	if text, _ := got["error"].(string); got["state"] != "begun" || !strings.Contains(text, "invalid_scope") || strings.Contains(text, enginetest.Canary) {
		t.Errorf("%v", got)
	}
}

// A start page is opened three times at most, whoever opens it.
func TestAStartPageIsBounded(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	pushing(b, server)
	b.Rejects(enginetest.WriteOp, "authorize/r", enginetest.Fields{"redirect_uri": "http://127.0.0.1:1/"}, "pushed authorization requests only")
	address := b.Authorize()
	for range 3 {
		if start(t, b, address) == "" {
			t.Error("no way on")
		}
	}
	before := consentsOf(b.Storage.Contents(t))
	for range 3 {
		if on := start(t, b, address); on != "" {
			t.Errorf("on to %s", on)
		}
	}
	start(t, b, enginetest.ExternalURL+"/start/nothing")
	if after := consentsOf(b.Storage.Contents(t)); len(after) != len(before) || len(server.Requests()) != 3 {
		t.Errorf("%d entries, %d requests", len(after), len(server.Requests()))
	}
	for range 4 { // and the copies count for nothing among what the caller may begin
		b.Authorize()
	}
	b.Rejects(enginetest.WriteOp, "authorize/r", nil, "you have begun 5 consents")
}

// What was begun once is one thing, however often its address was opened: its state is that of the furthest, and it is over
// when that is confirmed.
func TestWhatIsPushedIsPartOfWhatWasBegun(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	pushed := pushing(b, server)
	anna := b.As("anna")
	for range 6 { // more than can be open
		address := anna.Authorize()
		start(t, b, address)
		_, page := b.Callback(server.Agree(server.URL() + "/authorize?tenant=a&" + only(*pushed).Encode()))
		start(t, b, address) // a mail filter looks at the link once more
		if got := anna.Data("authorize/r"); got["state"] != "granted" {
			t.Errorf("%v", got)
		}
		confirm(t, anna, page)
		if got, err := anna.Try(t.Context(), logical.ReadOperation, "authorize/r", nil); err != nil || got != nil {
			t.Errorf("%v, %v", got, err)
		}
		if left := consentsOf(b.Storage.Contents(t)); len(left) != 0 {
			t.Errorf("%d are left", len(left))
		}
		if on := start(t, b, address); on != "" {
			t.Errorf("on to %s", on)
		}
	}
	start(t, b, anna.Authorize())
	b.Callback(enginetest.Fields{"state": pushed.Get("state"), "error": "access_denied"})
	if got := anna.Data("authorize/r"); got["state"] != "failed" {
		t.Errorf("%v", got)
	}
	if text := anna.Refused(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": "BBBB-BBBB"}); !strings.Contains(text, "access was denied") {
		t.Errorf("%q", text)
	}
}

// A push that came to nothing has cost nothing: the address may be opened once more, and what was wrong is not said then.
func TestAPushThatFailedIsRepeated(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	pushing(b, server)
	answer := server.Handler()
	address := b.Authorize()
	for name, trouble := range map[string]clienttest.Answer{"busy": clienttest.JSON(503, `{}`), "dropped": {Drop: true}} {
		server.Handle(func(*clienttest.Request) clienttest.Answer { return trouble })
		start(t, b, address)
		if text, _ := b.Data("authorize/r")["error"].(string); !strings.Contains(text, "open the address once more") || strings.Contains(text, "code") {
			t.Errorf("%s: %q", name, text)
		}
	}
	_ = answer
	pushing(b, server)
	if start(t, b, address) == "" {
		t.Error("no way on")
	}
	if got := b.Data("authorize/r"); got["error"] != nil || got["state"] != "begun" {
		t.Errorf("%v", got)
	}
}
