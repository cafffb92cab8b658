package client

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// protocolParams are set by the exchange itself from the fields of the same name. Sent twice, a
// parameter makes the request invalid (RFC 6749 section 3.2), and client_secret or refresh_token
// among the parameters would be a secret that every reader of the definition can see.
var protocolParams = []string{
	"grant_type", "client_id", "client_secret", "refresh_token", "scope",
	"client_assertion", "client_assertion_type", "assertion", // RFC 7521
	"token", "token_type_hint", // RFC 7009
	"code", "code_verifier", "device_code", // RFC 6749, RFC 7636, RFC 8628; not redirect_uri, which some want on a refresh
}

// protocolHeaders are set by the exchange or the transport. The idempotency names are here
// because net/http takes them as leave to send a request again (see newTransport); a provider
// that has such a header names it in idempotency_header, where the key is stored before sending.
// Accept-Encoding set by hand would switch off the transport's decompression.
var protocolHeaders = []string{
	"Accept-Encoding", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type",
	"Cookie", "Expect", "Host", "Idempotency-Key", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "X-Idempotency-Key",
}

// CheckParams returns an error when token_params of a provider or role hold a parameter that the
// exchange sets itself, or one that can't be sent. Names compare in any case, as some servers do.
func CheckParams(params map[string]string) error {
	if len(params) > maxListed {
		return fmt.Errorf("token_params holds more than %d entries", maxListed)
	}
	for name, value := range params {
		if i := slices.IndexFunc(protocolParams, func(p string) bool { return strings.EqualFold(p, name) }); i >= 0 {
			return fmt.Errorf("token_params must not hold %s: it is set from the role's own fields", protocolParams[i])
		}
		if name == "" || len(name) > maxText || strings.ContainsAny(name, "\r\n\x00\"") {
			return errors.New("token_params holds a name that is empty, too long or has a line break or quote in it")
		}
		if len(value) > 4*maxText || strings.ContainsAny(value, "\r\n\x00") {
			return fmt.Errorf("a value in token_params has a line break in it or is longer than %d bytes", 4*maxText)
		}
	}
	return nil
}

// CheckHeaders returns an error when token_headers of a provider or role hold a header that the
// exchange sets itself, or one that can't be sent (RFC 9110 section 5).
func CheckHeaders(headers map[string]string) error {
	if len(headers) > maxListed {
		return fmt.Errorf("token_headers holds more than %d entries", maxListed)
	}
	seen := map[string]bool{}
	for name, value := range headers {
		if seen[strings.ToLower(name)] {
			return errors.New("token_headers holds a header twice, in different case")
		}
		seen[strings.ToLower(name)] = true
		if i := slices.IndexFunc(protocolHeaders, func(h string) bool { return strings.EqualFold(h, name) }); i >= 0 {
			return fmt.Errorf("token_headers must not hold %s: it is set by the exchange itself", protocolHeaders[i])
		}
		if !httpguts.ValidHeaderFieldName(name) || len(name) > maxText {
			return errors.New("token_headers holds a name that is no valid header name")
		}
		if !httpguts.ValidHeaderFieldValue(value) || len(value) > 4*maxText {
			return fmt.Errorf("a value in token_headers has a line break or control character in it or is longer than %d bytes", 4*maxText)
		}
	}
	return nil
}

// validateIdempotencyHeader allows the names that token_headers may not hold: here the key is one
// per exchange and known to the caller, and a resend under it is what the header is for.
func (p *Provider) validateIdempotencyHeader() error {
	name := p.IdempotencyHeader
	switch {
	case name == "" || strings.EqualFold(name, "Idempotency-Key") || strings.EqualFold(name, "X-Idempotency-Key"):
		return nil
	case CheckHeaders(map[string]string{name: ""}) != nil:
		return errors.New("idempotency_header must be the name of a header that the exchange does not set itself")
	}
	for other := range p.TokenHeaders {
		if strings.EqualFold(other, name) {
			return errors.New("token_headers must not hold the idempotency_header: its value is one per exchange")
		}
	}
	return nil
}

// permanentError is an entry of permanent_errors: an error code, "*" for any, and a text that the
// description must contain, "" for any. Both compare in any case.
type permanentError struct{ code, text string }

// parsePermanentError splits "code: text" at the first ": ". A colon alone does not split, since
// registered codes may be URNs.
func parsePermanentError(entry string) permanentError {
	code, text, _ := strings.Cut(entry, ": ")
	return permanentError{code: strings.TrimSpace(code), text: strings.TrimSpace(text)}
}

// isStatus tells whether an entry's code is a status that an entry may stand for, by which it then goes in
// answers without a code. Other numbers are codes of the provider's own: 190, 4735.
func (e permanentError) isStatus() bool {
	status, err := strconv.Atoi(e.code)
	return err == nil && len(e.code) == 3 && status >= 400 && status < 500
}

// CheckPermanentErrors returns an error when permanent_errors hold a status that can't be permanent. It is for
// definitions that are written; one that was stored before such entries meant anything stays usable.
func CheckPermanentErrors(entries []string) error {
	for _, entry := range entries {
		e := parsePermanentError(entry)
		status, err := strconv.Atoi(e.code)
		if err != nil || http.StatusText(status) == "" || e.text != "" {
			continue
		}
		if !e.isStatus() || slices.Contains(passing, status) {
			return errors.New("permanent_errors takes a status only where it can mean a dead grant: 400 to 499 without 408, 409 and 429")
		}
	}
	return nil
}

// passing are the statuses of trouble that passes.
var passing = []int{http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests}

func (p *Provider) validatePermanentErrors() error {
	for _, entry := range p.PermanentErrors {
		e := parsePermanentError(entry)
		switch {
		case e.code == "" || strings.ContainsAny(e.code, " \t\r\n"):
			return errors.New(`permanent_errors takes error codes, or "code: a text in the description"`)
		case e.code == "*" && e.text == "":
			return errors.New(`permanent_errors: "*" needs a text after it ("*: token was revoked"), else every error would end the grant`)
		}
	}
	return nil
}
