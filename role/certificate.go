package role

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// readCertificate decodes the certificate that the write brings, once and for all: what is stored
// is a leaf-first chain and a PKCS #8 key, so an exchange needs no password and no key derivation,
// and a mistake is the writer's to hear, not the first reader's.
//
// The prefix is that of the fields: "" or NextPrefix.
func (w *Write) readCertificate(prefix string, f files, c *Credentials) error {
	if f.pfx == "" && !f.key.IsSet() && client.IsPFX(f.certificate) {
		// certutil and certtool put a PFX in PEM, and the former calls it a certificate.
		f.pfx, f.certificate = f.certificate, ""
		if !f.pfxPassword.IsSet() {
			f.pfxPassword = f.keyPassword
		}
	}
	var id *client.Identity
	var err error
	switch {
	case f.pfx != "" && (f.certificate != "" || f.key.IsSet()):
		err = client.FieldError{Text: "give either {pfx}, or {client_certificate} and {client_private_key}, not both"}
	case f.pfx != "":
		id, err = client.ParsePFX(f.pfx, f.pfxPassword)
	case f.certificate != "" && !f.key.IsSet():
		err = client.FieldError{Text: "{client_certificate} needs its {client_private_key} in the same write"}
	case f.certificate == "" && f.key.IsSet():
		err = client.FieldError{Text: "{client_private_key} needs its {client_certificate} in the same write"}
	case f.certificate != "":
		id, err = client.ParsePEM(f.certificate, f.key, f.keyPassword)
	case f.pfxPassword.IsSet() || f.keyPassword.IsSet():
		err = client.FieldError{Text: "a password was given without what it opens: write it together with its {pfx} or {client_private_key}"}
	default: // none, or named as empty
		if w.Names(prefix+"pfx") || w.Names(prefix+"client_certificate") || w.Names(prefix+"client_private_key") {
			c.CertificateChain, c.PrivateKey, c.CertificateSince = "", client.Secret{}, time.Time{}
		}
		return nil
	}
	if err != nil {
		return mount.Refuse(under(prefix, err))
	}
	for _, dropped := range id.Dropped() {
		w.Warnings = append(w.Warnings, prefix+"client_certificate: "+dropped)
	}
	c.CertificateChain, c.PrivateKey = id.PEM()
	c.CertificateSince = clock.Now()
	return nil
}

// readAssertionKey decodes the key that the write brings, as readCertificate does. The prefix is that of the
// fields: "" or NextPrefix.
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

// checkValidity refuses certificates that were written after their end, and one to be used at once before its
// time. It comes when it is clear which ones are kept: whoever applies the same configuration again names one
// that has ended beside the one that has taken its place.
func (w *Write) checkValidity(r *Role) error {
	now := clock.Now()
	if id, err := r.Identity(); err == nil && id != nil && (w.Names("pfx") || w.Names("client_certificate")) {
		if err := id.Check(now); err != nil {
			return mount.Refuse(err)
		}
	}
	id, err := r.Next.Identity()
	if err != nil || id == nil || now.Before(id.NotBefore()) {
		return nil
	}
	if err := id.Check(now); err != nil && (w.Names("next_pfx") || w.Names("next_client_certificate")) {
		return mount.Refusal("next_pfx or next_client_certificate: " + err.Error())
	}
	return nil
}

// under is an error about the credentials whose fields have a prefix.
func under(prefix string, err error) error {
	if prefix == "" || err == nil {
		return err
	}
	if e, ok := errors.AsType[client.FieldError](err); ok {
		e.Prefix = prefix
		return e
	}
	return errors.New(strings.TrimSuffix(prefix, "_") + " credentials: " + err.Error())
}
