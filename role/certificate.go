package role

import (
	"errors"
	"regexp"
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
// The prefix is that of the fields: "" or nextPrefix.
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
		err = errors.New("give either pfx, or client_certificate and client_private_key, not both")
	case f.pfx != "":
		id, err = client.ParsePFX(f.pfx, f.pfxPassword)
	case f.certificate != "" && !f.key.IsSet():
		err = errors.New("client_certificate needs its client_private_key in the same write")
	case f.certificate == "" && f.key.IsSet():
		err = errors.New("client_private_key needs its client_certificate in the same write")
	case f.certificate != "":
		id, err = client.ParsePEM(f.certificate, f.key, f.keyPassword)
	case f.pfxPassword.IsSet() || f.keyPassword.IsSet():
		err = errors.New("a password was given without what it opens: write it together with its pfx or client_private_key")
	default: // none, or named as empty
		if w.Names(prefix+"pfx") || w.Names(prefix+"client_certificate") || w.Names(prefix+"client_private_key") {
			c.CertificateChain, c.PrivateKey, c.CertificateSince = "", client.Secret{}, time.Time{}
		}
		return nil
	}
	if err != nil {
		return mount.Refuse(renamed(prefix, err))
	}
	for _, dropped := range id.Dropped() {
		w.Warnings = append(w.Warnings, prefix+"client_certificate: "+dropped)
	}
	c.CertificateChain, c.PrivateKey = id.PEM()
	c.CertificateSince = clock.Now()
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

// certificateFields finds the names of the fields of a certificate in an error's text, but not the names of
// files in the commands that it gives.
var certificateFields = regexp.MustCompile(`(^|[^.\w])(pfx|pfx_password|client_secret|client_certificate|client_private_key|client_private_key_password|assertion_private_key|assertion_private_key_password)\b`)

// renamed is an error about the fields with a prefix.
func renamed(prefix string, err error) error {
	if prefix == "" || err == nil {
		return err
	}
	text := certificateFields.ReplaceAllString(err.Error(), "${1}"+prefix+"${2}")
	if text == err.Error() {
		text = strings.TrimSuffix(prefix, "_") + " credentials: " + text
	}
	return errors.New(text)
}
