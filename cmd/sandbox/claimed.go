package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// claimed is the application that a request says it is from, proved or not: by its body, its Basic pair or its
// assertion. It is "" for one that is not registered here, whose name may be anything.
func (c *call) claimed() string {
	names := []string{c.form.Get("client_id")}
	for _, encoding := range []basicEncoding{rawEncoding, rfc6749Encoding} {
		creds, _ := decodeBasic(c.req.Header.Get("Authorization"), encoding)
		names = append(names, creds.id)
	}
	if parts := strings.Split(c.form.Get("assertion"), "."); len(parts) == 3 {
		var said claims
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(payload, &said)
		names = append(names, said.Issuer)
	}
	for _, name := range names {
		for i := range c.apps {
			if name == c.apps[i].id {
				return name
			}
		}
	}
	return ""
}

// presented is the grant whose refresh token a request carries, to spend it or to end it; nil for none.
func (c *call) presented(l *ledger) *grant {
	if g := l.grantOf(c.form.Get("refresh_token")); g != nil {
		return g
	}
	return l.grantOf(c.form.Get("token"))
}
