package client

import (
	"crypto/subtle"
	"fmt"
)

// redacted is what every way of printing a Secret shows.
const redacted = "[redacted]"

// Secret holds a value that must never reach a log, an error or an answer by accident: a client
// secret, a refresh token, a password, a private key. Every formatting verb and every encoder
// shows "[redacted]"; only Reveal returns the value.
//
// The value sits behind a pointer because fmt reads unexported struct fields by reflection
// without calling their methods: a Secret inside another struct's unexported field then prints
// as an address, not as the value.
type Secret struct{ value *string }

// NewSecret wraps value. The empty string gives the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the value itself. Call it where the value is sent or stored, nowhere else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet tells whether there is a value at all.
func (s Secret) IsSet() bool { return s.value != nil }

// Equal compares two secrets in constant time for equal lengths.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String implements fmt.Stringer and shows no part of the value.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer (%#v) and shows no part of the value.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb (%x, %d, %q) reaches the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements encoding.TextMarshaler: JSON, YAML and hclog's JSON mode, which ignores
// String, all end here. Storage therefore goes through an explicit shape with plain strings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
