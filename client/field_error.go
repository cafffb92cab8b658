package client

import "strings"

// FieldError is what is wrong with a certificate, a key or a secret, as a sentence that says what to do and names the
// fields that an operator writes these to. It holds nothing of their values.
//
// The fields of credentials that are to come are called the same with a prefix. Whoever knows it sets it.
type FieldError struct {
	// Text is the sentence with each field's name in braces: "{pfx_password} is not the password of this {pfx}".
	Text string
	// Prefix begins the names, as next_ does; "" for the names as they stand.
	Prefix string
	// key is what the field of a private key is called, "" for client_private_key.
	key string
}

// Error implements error: the sentence with the names.
func (e FieldError) Error() string {
	return braces.ReplaceAllStringFunc(e.Text, func(field string) string {
		name := strings.Trim(field, "{}")
		if rest, ok := strings.CutPrefix(name, "client_private_key"); ok && e.key != "" {
			name = e.key + rest
		}
		return e.Prefix + name
	})
}
