package client

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The examples of RFC 2268 section 5 whose keys' bits all count.
func TestRC2DecryptsTheExamplesOfItsRFC(t *testing.T) {
	for _, c := range []struct{ key, plain, cipher string }{
		{"ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", "1000000000000001", "30649edf9be7d2c2"},
		{"88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
	} {
		key, _ := hex.DecodeString(c.key)
		got, _ := hex.DecodeString(c.cipher)
		newRC2(key).Decrypt(got, got)
		if want, _ := hex.DecodeString(c.plain); !bytes.Equal(got, want) {
			t.Errorf("key %s: %x, want %s", c.key, got, c.plain)
		}
	}
}
