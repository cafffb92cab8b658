package e2e

import (
	"fmt"
	"strings"
	"testing"
)

const anotherAccount = "another account has agreed than the one that this role wants of you"

// bound is a mount with a role that wants a certain account of each person, by a template over what Vault knows of them,
// in which ACCESSOR is that of userpass.
func bound(t *testing.T, template string, names ...string) (l *lab, people map[string]person) {
	t.Helper()
	l = newLab(t)
	l.opens()
	people = l.letsIn(names...)
	template = strings.ReplaceAll(template, "ACCESSOR", l.accepts("userpass"))
	l.with("BOUND=" + template).run("vault write oauth/roles/portal " + peoplesRole + ` bound_account="$BOUND"`)
	return l, people
}

const (
	boundToAddress = "{{identity.entity.metadata.email}}"
	boundToLogin   = "{{identity.entity.aliases.ACCESSOR.name}}"
)

// has notes somebody's address.
func (l *lab) has(p person, address string) {
	l.t.Helper()
	l.knows(p.entity, map[string]any{"metadata": map[string]any{"email": address}})
}

// Consent phishing where the role says which account is whose: Mallory sends the link to Alice, who agrees, and has the
// page read to her, or the whole address. Nothing is activated, and page and confirm say why. What is Alice's own goes
// through; and she can't be made to use an account of Mallory's.
func TestABoundAccountIsWhoseItShouldBe(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]string{"by what is noted": boundToAddress, "by the login": boundToLogin} {
		t.Run(name, func(t *testing.T) {
			l, people := bound(t, template, "alice", "mallory")
			alices, mallorys := people["alice"], people["mallory"]
			alice, mallory := alice, mallory
			if template == boundToLogin {
				alice, mallory = l.namesake("alice"), l.namesake("mallory")
			} else {
				l.has(alices, "Alice@Example.TEST") // as somebody has typed it
				l.has(mallorys, mallory)
			}

			l.wantAnotherAccount(alice, mallorys.begins("portal", nil))
			mallorys.refused("oauth/confirm/portal", map[string]any{"confirmation_code": "BBBB-BBBB"}, anotherAccount)
			if got := mallorys.read("oauth/authorize/portal"); got["state"] != "failed" || strings.Contains(fmt.Sprint(got), alice) {
				t.Errorf("authorize/ shows %v", got)
			}
			elsewhere, _ := l.browse(alice, mallorys.begins("portal", map[string]any{"redirect_uri": "http://127.0.0.1:8400/"}), "-stop-at", "http://127.0.0.1:8400/")
			mallorys.refused("oauth/confirm/portal", map[string]any{"redirected_to": elsewhere}, anotherAccount)
			mallorys.readRefused("oauth/creds/portal", "authorize it with")
			if got := mallorys.read("oauth/status/portal"); got["state"] != "unauthorized" || got["account"] != nil {
				t.Errorf("status says %v", got)
			}
			if left := openStore(t, l.v, "oauth").entries("token/"); len(left) != 0 {
				t.Errorf("%d grants are stored", len(left))
			}

			own := l.brings(alices.token, "portal", alice).get("token_id")
			l.wantAnotherAccount(mallory, alices.begins("portal", nil))
			alices.refused("oauth/confirm/portal", map[string]any{"confirmation_code": "BBBB-BBBB"}, anotherAccount)
			l.as(alices.token).read("oauth/creds/portal").want(t, map[string]string{"token_id": own})
			l.brings(mallorys.token, "portal", mallory)
			if text := l.refused(400, "vault write -force oauth/authorize/portal/carol"); !strings.Contains(text, "only they themselves can authorize it") {
				t.Error(text) // a name that somebody gives is nobody whose account is known
			}
		})
	}
}

// namesake is an account at the provider by the name that somebody logs in to Vault by.
func (l *lab) namesake(name string) (account string) {
	l.t.Helper()
	l.sandbox.control("pingone", map[string]any{"user": name})
	return name
}

// wantAnotherAccount asserts that the page after somebody has agreed shows no code, says why, and not who it was.
func (l *lab) wantAnotherAccount(who, link string) {
	l.t.Helper()
	l.wantNoCode(who, link, anotherAccount)
}

func (l *lab) wantNoCode(who, link, says string) {
	l.t.Helper()
	shown, through := l.browse(who, link)
	text := strings.ToLower(strings.Join(strings.Fields(shown), " "))
	if through || shownCode.MatchString(shown) || !strings.Contains(text, says) || strings.Contains(text, who) {
		l.t.Errorf("the page says %s", shown)
	}
}

// Of whom Vault does not know the address, nobody's account is right, and that of an empty name neither; what is noted is
// compared as it stands when the consent is confirmed.
func TestABoundAccountThatVaultDoesNotKnow(t *testing.T) {
	t.Parallel()
	l, people := bound(t, boundToAddress, "bob")
	bobs := people["bob"]
	const unknown = "an account of yours that vault does not know"
	l.wantNoCode(bob, bobs.begins("portal", nil), unknown)
	l.has(bobs, " ")
	l.wantNoCode(bob, bobs.begins("portal", nil), unknown)
	l.has(bobs, bob)
	code := l.codeFrom(bob, bobs.begins("portal", nil))
	l.has(bobs, alice)
	bobs.refused("oauth/confirm/portal", map[string]any{"confirmation_code": code}, anotherAccount)
	l.has(bobs, bob)
	bobs.refused("oauth/confirm/portal", map[string]any{"confirmation_code": code}, anotherAccount)
	l.brings(bobs.token, "portal", bob)
}

// The device flow per person, which the bound account makes safe: the code that Mallory had Alice type brings Alice's
// account, and Mallory nothing.
func TestTheDeviceFlowOfPeople(t *testing.T) {
	t.Parallel()
	l, people := bound(t, boundToLogin, "alice", "mallory")
	alice := l.namesake("alice")
	if text := l.refused(400, `vault write oauth/roles/other device_flow=true `+peoplesRole); !strings.Contains(text, "needs bound_account") {
		t.Error(text)
	}
	l.run("vault write oauth/roles/portal device_flow=true")
	l.allows("people", ofPeople+"\n"+`path "oauth/device/portal" { capabilities = ["update"] }`)
	l.sandbox.control("pingone", map[string]any{"device_interval": 1})

	begun := people["mallory"].write("oauth/device/portal", nil)
	l.run("sandbox browse -user " + alice + " -device " + begun["user_code"].(string))
	people["mallory"].awaitsState("portal", "failed")
	people["mallory"].refused("oauth/confirm/portal", nil, anotherAccount)
	people["mallory"].readRefused("oauth/creds/portal", "authorize it with")

	begun = people["alice"].write("oauth/device/portal", nil)
	if begun["finish"] != "vault write -force oauth/confirm/portal" {
		t.Errorf("%v", begun["finish"])
	}
	l.run("sandbox browse -user " + alice + " -device " + begun["user_code"].(string))
	people["alice"].awaitsState("portal", "granted")
	people["mallory"].refused("oauth/confirm/portal", nil, anotherAccount) // of her own, still
	done := l.as(people["alice"].token).write("oauth/confirm/portal")
	done.want(t, map[string]string{"account": alice, "account_verified": "true"})
	got := l.as(people["alice"].token).read("oauth/creds/portal")
	got.want(t, map[string]string{"token_id": done.get("token_id")})
	l.sandbox.wantLive("pingone", got.token())
}
