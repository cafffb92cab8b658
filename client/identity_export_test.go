package client

import (
	"encoding/base64"
	"testing"
)

// What goes out as a PFX comes back in as the same identity, with its chain, under its password only.
func TestPFXOpensAgain(t *testing.T) {
	for name, kind := range map[string]string{"rsa": "rsa", "p256": "ec"} {
		id := mustIdentity(t, name)
		pfx, err := id.PFX(NewSecret(identityPassword))
		if err != nil {
			t.Fatal(err)
		}
		text := base64.StdEncoding.EncodeToString(pfx)
		again, err := ParsePFX(text, NewSecret(identityPassword))
		if err != nil {
			t.Fatal(err)
		}
		chain, key := id.PEM()
		gotChain, gotKey := again.PEM()
		if gotChain != chain || !gotKey.Equal(key) || len(id.Certificate().Certificate) != 2 {
			t.Errorf("%s comes back as %s, %s", name, again, chainNames(t, again))
		}
		if got := id.KeyType(); got != kind {
			t.Errorf("the key of %s is %q", name, got)
		}
		if got := Fingerprint(chain); got != id.Fingerprint() {
			t.Errorf("the chain's fingerprint is %q, the identity's %q", got, id.Fingerprint())
		}
		_, err = ParsePFX(text, NewSecret("wrong"))
		wantSentence(t, err, "is not the password")
		_, err = id.PFX(Secret{})
		wantSentence(t, err, "use it as PEM")
	}
	if got := Fingerprint(""); got != "" {
		t.Errorf("the fingerprint of nothing is %q", got)
	}
}
