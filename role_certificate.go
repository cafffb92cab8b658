package oauthrefresh

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

// readCertificate decodes the certificate that the write brings, once and for all: what is stored
// is a leaf-first chain and a PKCS #8 key, so an exchange needs no password and no key derivation,
// and a mistake is the writer's to hear, not the first reader's.
func (w *roleWrite) readCertificate(r *role) error {
	var pfx, certificate string
	var key, pfxPassword, keyPassword client.Secret
	w.text("pfx", &pfx)
	w.text("client_certificate", &certificate)
	w.secret("client_private_key", &key)
	w.secret("pfx_password", &pfxPassword)
	w.secret("client_private_key_password", &keyPassword)

	var id *client.Identity
	var err error
	switch {
	case pfx != "" && (certificate != "" || key.IsSet()):
		return refusal("give either pfx, or client_certificate and client_private_key, not both")
	case pfx != "":
		id, err = client.ParsePFX(pfx, pfxPassword)
	case certificate != "" && !key.IsSet():
		return refusal("client_certificate needs its client_private_key in the same write")
	case certificate == "" && key.IsSet():
		return refusal("client_private_key needs its client_certificate in the same write")
	case certificate != "":
		id, err = client.ParsePEM(certificate, key, keyPassword)
	case pfxPassword.IsSet() || keyPassword.IsSet():
		return refusal("a password was given without what it opens: write it together with its pfx or client_private_key")
	default: // none, or named as empty
		if w.names("pfx") || w.names("client_certificate") || w.names("client_private_key") {
			r.CertificateChain, r.PrivateKey = "", client.Secret{}
		}
		return nil
	}
	if err == nil {
		err = id.Check(time.Now())
	}
	if err != nil {
		return refuse(err)
	}
	r.CertificateChain, r.PrivateKey = id.PEM()
	return nil
}

// warnings says what is or soon will be wrong with the role's certificate.
func (r *role) warnings() []string {
	id, err := r.identity()
	if err != nil {
		return []string{err.Error()}
	}
	if id == nil {
		return nil
	}
	return id.Warnings(time.Now())
}
