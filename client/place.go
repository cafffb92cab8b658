package client

import (
	"errors"
	"strings"
)

// place is where a request goes to, as the sentences about it name it. They are written once, with {endpoint} for the
// name and {field} for the field of a definition that holds its URL, and are filled in where the place is known.
type place struct{ name, field string }

var (
	atTokenEndpoint      = place{"token endpoint", "token_endpoint"}
	atRevocationEndpoint = place{"revocation endpoint", "revocation_endpoint"}
	atIssuer             = place{"issuer", "issuer"}
	atDeviceEndpoint     = place{"device authorization endpoint", "device_authorization_endpoint"}
	atPushedEndpoint     = place{"endpoint for pushed authorization requests", "pushed_authorization_request_endpoint"}
	atKeys               = place{"key server", "jwks_uri"}
)

// says is a sentence about the place.
func (p place) says(sentence string) string {
	return strings.NewReplacer("{endpoint}", p.name, "{field}", p.field).Replace(sentence)
}

// failed is the error of a request that went there.
func (p place) failed(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		if reason := p.says(e.Reason); reason != e.Reason { // else it may be one that all share
			e.Reason = reason
		}
	}
	return err
}
