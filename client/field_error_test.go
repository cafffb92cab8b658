package client

import (
	"strings"
	"testing"
)

// One sentence names the fields as they are called where it is said.
func TestFieldErrorsNameTheFields(t *testing.T) {
	for _, c := range []struct {
		err  FieldError
		want string
	}{
		{FieldError{Text: "{pfx_password} is not the password of this {pfx}"}, "pfx_password is not the password of this pfx"},
		{FieldError{Text: "{pfx_password} is not the password of this {pfx}", Prefix: "next_"}, "next_pfx_password is not the password of this next_pfx"},
		{FieldError{Text: "pass {client_private_key}=@key.pem with its {client_private_key_password}", key: "assertion_private_key"}, "pass assertion_private_key=@key.pem with its assertion_private_key_password"},
		{FieldError{Text: "pass {client_private_key}, and {client_certificate}", key: "assertion_private_key", Prefix: "next_"}, "pass next_assertion_private_key, and next_client_certificate"},
		{FieldError{Text: "convert it with `openssl pkcs12 -in cert.pfx`", Prefix: "next_"}, "convert it with `openssl pkcs12 -in cert.pfx`"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// A key is the same wherever it is written, and its field is called another way.
func TestSigningKeysHaveFieldsOfTheirOwn(t *testing.T) {
	encrypted := NewSecret(identityFile(t, "rsa-pkcs8-aes.key"))
	for password, want := range map[string]string{
		"": "{} is encrypted: pass its password as {}_password", "wrong": "{}_password is not the password of this key, or the key is damaged",
	} {
		_, err := ParseSigningKey(encrypted, NewSecret(password))
		_, err2 := ParsePEM(identityFile(t, "rsa.pem"), encrypted, NewSecret(password))
		for field, err := range map[string]error{"assertion_private_key": err, "client_private_key": err2} {
			if want := strings.ReplaceAll(want, "{}", field); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
}
