package authorize_test

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// deviceFlow is a provider with a device flow, on synctest's clock, and the role "d" without a grant.
func deviceFlow(t *testing.T, f func(t *testing.T, b *enginetest.Mount, server *clienttest.Server)) {
	t.Helper()
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Write("providers/test", enginetest.Fields{
			"device_authorization_endpoint": server.URL() + "/device", "token_endpoint": server.URL() + "/token",
			"account_pointer": "/answer/id",
		})
		b.WriteRole("d", enginetest.Fields{"refresh_token": nil, "device_flow": true, "scope": "read"})
		f(t, b, server)
	})
}

var asked = clienttest.JSON(200, `{"device_code":"`+enginetest.Canary+`device","user_code":"WDJB-MJHT","verification_uri":"https://example.com/device",`+
	`"verification_uri_complete":"https://example.com/device?user_code=WDJB-MJHT","expires_in":1800,"interval":5}`)

const agreed = `{"access_token":"a1","refresh_token":"` + enginetest.Canary + `first","expires_in":3600,"id":"alice"}`

// Somebody types a code at the provider; whoever has begun confirms, and is told whose account it is.
func TestDeviceFlow(t *testing.T) {
	deviceFlow(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Rejects(enginetest.WriteOp, "device/r", nil, "device_flow=true")
		if got := b.Data("status/d"); got["state"] != "unauthorized" || !strings.Contains(got["next_step"].(string), "vault write -force oauth/device/d") {
			t.Errorf("%v", got)
		}
		anna := b.As("anna")
		server.Enqueue(asked)
		begun := anna.Write("device/d", nil).Data
		if begun["user_code"] != "WDJB-MJHT" || begun["verification_uri"] != "https://example.com/device" || begun["finish"] != "vault write -force oauth/confirm/d" {
			t.Errorf("%v", begun)
		}
		if r := server.Requests()[0]; r.Path != "/device" || r.Form.Get("client_id") != "the-client" || r.Form.Get("client_secret") != enginetest.Canary+"secret" || r.Form.Get("scope") != "read" {
			t.Errorf("asked with %s %v", r.Path, r.Form)
		}
		server.Enqueue(clienttest.JSON(400, `{"error":"authorization_pending"}`))
		enginetest.Pause(6 * time.Second)
		anna.Rejects(enginetest.WriteOp, "confirm/d", nil, "nobody has agreed yet")
		server.Enqueue(clienttest.JSON(200, agreed))
		enginetest.Pause(5 * time.Second)
		if r := server.Requests()[2]; r.Form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:device_code" || r.Form.Get("device_code") != enginetest.Canary+"device" {
			t.Errorf("polled with %v", r.Form)
		}
		if got := anna.Data("authorize/d"); got["state"] != "granted" || got["account"] != "alice" {
			t.Errorf("%v", got)
		}
		b.Rejects(enginetest.ReadOp, "creds/d", nil, "no refresh token")
		b.As("mallory").Rejects(enginetest.WriteOp, "confirm/d", nil, "confirm takes one of")
		if got := anna.Write("confirm/d", nil).Data; got["account"] != "alice" || got["generation"] != int64(1) {
			t.Errorf("%v", got)
		}
		b.Data("creds/d")
		enginetest.Pause(time.Minute)
		if n := len(server.Requests()); n != 3 {
			t.Errorf("%d requests", n)
		}
	})
}

// What was agreed to is confirmed by leaving all fields out. One that is there and empty is a variable that nobody has set,
// and a role that permits the flow no longer takes nothing that came by it.
func TestDeviceFlowIsConfirmedOnPurposeAndWhilePermitted(t *testing.T) {
	deviceFlow(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(asked, clienttest.JSON(200, agreed))
		b.Write("device/d", nil)
		enginetest.Pause(6 * time.Second)
		for _, field := range []string{"confirmation_code", "redirected_to", "authorization_code"} {
			for _, empty := range []string{"", " ", "\n"} {
				b.Rejects(enginetest.WriteOp, "confirm/d", enginetest.Fields{field: empty}, field+" is empty")
			}
		}
		b.Write("roles/d", enginetest.Fields{"device_flow": false})
		if text := b.Refused(enginetest.WriteOp, "confirm/d", nil); !strings.Contains(text, "does not permit the device flow any more") {
			t.Errorf("%q", text)
		}
		if got := b.Data("status/d"); got["state"] != "unauthorized" {
			t.Errorf("%v", got)
		}
		for _, entry := range consentsOf(b.Storage.Contents(t)) {
			if strings.Contains(entry, enginetest.Canary+"first") {
				t.Error("its tokens are kept")
			}
		}
	})
}

// The pace is the provider's: slow_down counts for good, an answer that does not come doubles the pause, and an error may
// come with status 200 or 428.
func TestDeviceFlowKeepsThePace(t *testing.T) {
	deviceFlow(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(asked, clienttest.JSON(400, `{"error":"slow_down"}`), clienttest.JSON(200, `{"error":"authorization_pending"}`),
			clienttest.JSON(428, `{"error":"authorization_pending"}`), clienttest.JSON(200, `{"error":"slow_down","interval":30}`),
			clienttest.Answer{Drop: true}, clienttest.JSON(503, `{}`), clienttest.JSON(200, agreed))
		b.Write("device/d", nil)
		begun, at := time.Now(), []time.Duration(nil)
		for range 400 {
			before := len(server.Requests())
			enginetest.Pause(time.Second)
			if len(server.Requests()) > before {
				at = append(at, time.Since(begun))
			}
		}
		want := []int{5, 15, 25, 35, 65, 125, 245}
		if len(at) != len(want) {
			t.Fatalf("asked at %v", at)
		}
		for i, seconds := range want {
			if got := int(at[i].Seconds()); got < seconds-1 || got > seconds+2 {
				t.Errorf("request %d at %v, want %d s", i, at[i], seconds)
			}
		}
		b.Write("confirm/d", nil)
	})
}

// What ends it is told, and asked for no more.
func TestDeviceFlowThatFails(t *testing.T) {
	for want, answer := range map[string]clienttest.Answer{
		"chose not to agree": clienttest.JSON(400, `{"error":"access_denied"}`), "in time": clienttest.JSON(200, `{"error":"expired_token"}`),
		"no refresh token": clienttest.JSON(200, `{"access_token":"a1","expires_in":3600}`),
	} {
		deviceFlow(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			server.Enqueue(asked, answer)
			b.Write("device/d", nil)
			enginetest.Pause(6 * time.Second)
			if got := b.Data("authorize/d"); got["state"] != "failed" || !strings.Contains(got["error"].(string), want) {
				t.Errorf("%v, want %s", got, want)
			}
			if text := b.Refused(enginetest.WriteOp, "confirm/d", nil); !strings.Contains(text, want) {
				t.Errorf("%q, want %s", text, want)
			}
			enginetest.Pause(time.Minute)
			if n := len(server.Requests()); n != 2 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Another process goes on where one has ended, and what nobody confirms is forgotten.
func TestDeviceFlowGoesOnAfterARestart(t *testing.T) {
	deviceFlow(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(asked)
		b.Write("device/d", nil)
		b.Cleanup(t.Context())
		after := enginetest.NewOn(t, b.Storage)
		server.Enqueue(clienttest.JSON(200, agreed))
		after.Tick()
		enginetest.Pause(10 * time.Second)
		if got := after.Data("authorize/d"); got["state"] != "granted" {
			t.Errorf("%v", got)
		}
		enginetest.Pause(12 * time.Minute)
		after.Tick()
		enginetest.Pause(time.Second)
		if left := consents(t, after); len(left) != 0 {
			t.Errorf("%q are left", left)
		}
		after.Refused(enginetest.WriteOp, "confirm/d", nil)
	})
}

// Whoever comes too late hears so, for a while, and not that nothing was begun.
func TestWhatHasExpiredIsSaid(t *testing.T) {
	deviceFlow(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Write("providers/test", enginetest.Fields{"authorization_endpoint": server.URL() + "/authorize"})
		b.Write("roles/d", enginetest.Fields{"scope": "read"})
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			if r.Path == "/device" {
				return asked
			}
			return clienttest.JSON(400, `{"error":"authorization_pending"}`)
		})
		b.Write("authorize/d", enginetest.Fields{"redirect_uri": "http://127.0.0.1:1/"})
		enginetest.Pause(10*time.Minute + 10*time.Second)
		if got := b.Data("authorize/d"); got["state"] != "failed" || !strings.Contains(got["error"].(string), "nobody agreed in time") {
			t.Errorf("%v", got)
		}
		if text := b.Refused(enginetest.WriteOp, "confirm/d", enginetest.Fields{"confirmation_code": "BBBB-BBBB"}); !strings.Contains(text, "nobody agreed in time") {
			t.Errorf("%q", text)
		}
		b.Write("device/d", nil)
		if text := b.Refused(enginetest.WriteOp, "confirm/d", enginetest.Fields{"confirmation_code": "BBBB-BBBB"}); !strings.Contains(text, "leave the field out") {
			t.Errorf("%q", text)
		}
		enginetest.Pause(30*time.Minute + 10*time.Second)
		if text := b.Refused(enginetest.WriteOp, "confirm/d", nil); !strings.Contains(text, "nobody agreed in time") {
			t.Errorf("%q", text)
		}
		b.Write("device/d", nil) // what has ended is in nobody's way
	})
}
