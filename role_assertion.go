package oauthrefresh

import (
	"fmt"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// readAssertionKey decodes the key that the write brings, as readCertificate does. The prefix is that of the
// fields: "" or nextPrefix.
func (w *RoleWrite) readAssertionKey(prefix string, c *Credentials) error {
	w.Text(prefix+"assertion_key_id", &c.AssertionKeyID)
	var text, password client.Secret
	w.Secret(prefix+"assertion_private_key", &text)
	w.Secret(prefix+"assertion_private_key_password", &password)
	if !text.IsSet() {
		if password.IsSet() {
			return Refusal(fmt.Sprintf("%sassertion_private_key_password was given without what it opens: write it together with %sassertion_private_key", prefix, prefix))
		}
		if w.Names(prefix + "assertion_private_key") {
			c.AssertionKey, c.AssertionCertificate, c.AssertionKeySince = client.Secret{}, "", time.Time{}
		}
		return nil
	}
	key, err := client.ParseSigningKey(text, password)
	if err != nil {
		return Refuse(renamed(prefix, err))
	}
	if end := key.NotAfter(); !end.IsZero() && clock.Now().After(end) {
		return Refusal(fmt.Sprintf("the certificate of %sassertion_private_key has expired: write the key of its successor, or the key without its certificate", prefix))
	}
	before := c.AssertionKey
	c.AssertionKey, c.AssertionCertificate = key.PEM()
	if before.IsSet() && !before.Equal(c.AssertionKey) && c.AssertionKeyID != "" && !w.Names(prefix+"assertion_key_id") {
		w.Warnings = append(w.Warnings, prefix+"assertion_key_id was kept: write it too if the provider knows the new key by another id")
	}
	c.AssertionKeySince = clock.Now()
	return nil
}

// checkAssertions returns what is wrong with what the role signs with. A next key is looked at like the one
// in use: its turn comes when nobody is there to correct it.
func (t *Target) checkAssertions(c Credentials, prefix string) error {
	if t.Provider.TokenEndpointAuthMethod == client.AuthSecretJWT && c.ClientSecret.IsSet() {
		if err := client.CheckSecretAlgorithm(t.Provider.TokenEndpointAuthSigningAlg, c.ClientSecret); err != nil {
			return Refuse(renamed(prefix, err))
		}
		if previous := t.Role.PreviousClientSecret; previous.IsSet() {
			if err := client.CheckSecretAlgorithm(t.Provider.TokenEndpointAuthSigningAlg, previous); err != nil {
				return Refuse(renamed("previous_", err))
			}
		}
	}
	id, err := c.Identity()
	if err != nil {
		return Refuse(renamed(prefix, err))
	}
	key, err := t.signingKey(c, id)
	if err != nil || key == nil {
		return Refuse(renamed(prefix, err))
	}
	alg := t.Provider.TokenEndpointAuthSigningAlg
	if t.Provider.TokenEndpointAuthMethod == client.AuthSecretJWT {
		alg = "" // that of the secret
	}
	if err := key.CheckAlgorithm(alg); err != nil {
		return Refusal(fmt.Sprintf("%sassertion_private_key: %v", prefix, err))
	}
	if err := t.Provider.CheckSigningKey(key); err != nil {
		return Refusal(fmt.Sprintf("%sassertion_private_key: %v", prefix, err))
	}
	return nil
}

// checkMethods refuses a second way to authenticate besides the one that is used: RFC 6749 section 2.3
// allows one, and whoever has written both can't tell which one it is.
func (t *Target) checkMethods() error {
	switch {
	case !t.Provider.UsesSecret() && t.Role.ClientSecret.IsSet():
		return Refusal("this client does not authenticate with a client_secret, so it would never be used: " +
			"write client_secret=\"\" too, or another token_endpoint_auth_method")
	case !t.Role.signs(t.Provider) && t.Role.AssertionKey.IsSet():
		return Refusal("this client does not authenticate with an assertion_private_key, so it would never be used: " +
			"write assertion_private_key=\"\" too, or token_endpoint_auth_method=private_key_jwt")
	}
	return nil
}
