package provider_test

import (
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// The authorities of the same texts are parsed once, those of other texts are other ones, and what can't be read is an
// error each time.
func TestAuthoritiesAreParsedOnce(t *testing.T) {
	text := string(clienttest.CAPEM())
	roots, err := provider.RootCAs(text, "")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := provider.RootCAs(text, ""); err != nil || again != roots {
		t.Errorf("the same texts are parsed again: %v", err)
	}
	for range 2 {
		if other, err := provider.RootCAs(text, "no certificate"); err == nil {
			t.Errorf("a text without any is taken for %v", other)
		}
	}
	if other, err := provider.RootCAs(text, text+"\n"); err != nil || other == roots {
		t.Errorf("other texts have the same authorities: %v", err)
	}
	if none, err := provider.RootCAs("", ""); err != nil || none != nil {
		t.Errorf("no text has %v, %v; nil is the system's", none, err)
	}
}
