package role

import (
	"fmt"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// readAssertionKey decodes the key that the write brings, as readCertificate does. The prefix is that of the
// fields: "" or nextPrefix.
func (w *Write) readAssertionKey(prefix string, f files, c *Credentials) error {
	text, password := f.assertionKey, f.assertionKeyPassword
	if !text.IsSet() {
		if password.IsSet() {
			return mount.Refusal(fmt.Sprintf("%sassertion_private_key_password was given without what it opens: write it together with %sassertion_private_key", prefix, prefix))
		}
		if w.Names(prefix + "assertion_private_key") {
			c.AssertionKey, c.AssertionCertificate, c.AssertionKeySince = client.Secret{}, "", time.Time{}
		}
		return nil
	}
	key, err := client.ParseSigningKey(text, password)
	if err != nil {
		return mount.Refuse(under(prefix, err))
	}
	if end := key.NotAfter(); !end.IsZero() && clock.Now().After(end) {
		return mount.Refusal(fmt.Sprintf("the certificate of %sassertion_private_key has expired: write the key of its successor, or the key without its certificate", prefix))
	}
	before := c.AssertionKey
	c.AssertionKey, c.AssertionCertificate = key.PEM()
	if before.IsSet() && !before.Equal(c.AssertionKey) && c.AssertionKeyID != "" && !w.Names(prefix+"assertion_key_id") {
		w.Warnings = append(w.Warnings, prefix+"assertion_key_id was kept: write it too if the provider knows the new key by another id")
	}
	c.AssertionKeySince = clock.Now()
	return nil
}
