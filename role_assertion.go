package oauthrefresh

import (
	"fmt"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// readAssertionKey decodes the key that the write brings, as readCertificate does. The prefix is that of the
// fields: "" or nextPrefix.
func (w *roleWrite) readAssertionKey(prefix string, c *credentials) error {
	w.text(prefix+"assertion_key_id", &c.AssertionKeyID)
	var text, password client.Secret
	w.secret(prefix+"assertion_private_key", &text)
	w.secret(prefix+"assertion_private_key_password", &password)
	if !text.IsSet() {
		if password.IsSet() {
			return refusal(fmt.Sprintf("%sassertion_private_key_password was given without what it opens: write it together with %sassertion_private_key", prefix, prefix))
		}
		if w.names(prefix + "assertion_private_key") {
			c.AssertionKey, c.AssertionCertificate, c.AssertionKeySince = client.Secret{}, "", time.Time{}
		}
		return nil
	}
	key, err := client.ParseSigningKey(text, password)
	if err != nil {
		return refuse(renamed(prefix, err))
	}
	if end := key.NotAfter(); !end.IsZero() && clock.Now().After(end) {
		return refusal(fmt.Sprintf("the certificate of %sassertion_private_key has expired: write the key of its successor, or the key without its certificate", prefix))
	}
	before := c.AssertionKey
	c.AssertionKey, c.AssertionCertificate = key.PEM()
	if before.IsSet() && !before.Equal(c.AssertionKey) && c.AssertionKeyID != "" && !w.names(prefix+"assertion_key_id") {
		w.warnings = append(w.warnings, prefix+"assertion_key_id was kept: write it too if the provider knows the new key by another id")
	}
	c.AssertionKeySince = clock.Now()
	return nil
}

// checkAssertions returns what is wrong with what the role signs with. A next key is looked at like the one
// in use: its turn comes when nobody is there to correct it.
func (t *target) checkAssertions(c credentials, prefix string) error {
	if t.provider.TokenEndpointAuthMethod == client.AuthSecretJWT && c.ClientSecret.IsSet() {
		if err := client.CheckSecretAlgorithm(t.provider.TokenEndpointAuthSigningAlg, c.ClientSecret); err != nil {
			return refuse(renamed(prefix, err))
		}
		if previous := t.role.PreviousClientSecret; previous.IsSet() {
			if err := client.CheckSecretAlgorithm(t.provider.TokenEndpointAuthSigningAlg, previous); err != nil {
				return refuse(renamed("previous_", err))
			}
		}
	}
	id, err := c.identity()
	if err != nil {
		return refuse(renamed(prefix, err))
	}
	key, err := t.signingKey(c, id)
	if err != nil || key == nil {
		return refuse(renamed(prefix, err))
	}
	alg := t.provider.TokenEndpointAuthSigningAlg
	if t.provider.TokenEndpointAuthMethod == client.AuthSecretJWT {
		alg = "" // that of the secret
	}
	if err := key.CheckAlgorithm(alg); err != nil {
		return refusal(fmt.Sprintf("%sassertion_private_key: %v", prefix, err))
	}
	if err := t.provider.CheckSigningKey(key); err != nil {
		return refusal(fmt.Sprintf("%sassertion_private_key: %v", prefix, err))
	}
	return nil
}

// checkMethods refuses a second way to authenticate besides the one that is used: RFC 6749 section 2.3
// allows one, and whoever has written both can't tell which one it is.
func (t *target) checkMethods() error {
	switch {
	case !t.provider.UsesSecret() && t.role.ClientSecret.IsSet():
		return refusal("this client does not authenticate with a client_secret, so it would never be used: " +
			"write client_secret=\"\" too, or another token_endpoint_auth_method")
	case !t.role.signs(t.provider) && t.role.AssertionKey.IsSet():
		return refusal("this client does not authenticate with an assertion_private_key, so it would never be used: " +
			"write assertion_private_key=\"\" too, or token_endpoint_auth_method=private_key_jwt")
	}
	return nil
}
