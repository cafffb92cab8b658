package client

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// authorizationProtocol are the parameters of an authorization request that are set by whoever makes it. A scope is
// not among them: some servers want another one here than at the token endpoint.
var authorizationProtocol = []string{
	"response_type", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method", "response_mode",
	"request", "request_uri", // RFC 9101, RFC 9126
	"client_secret", "client_assertion", "client_assertion_type", // of a pushed one: a browser must not see them
}

// CheckAuthorizationParams returns an error when authorization_params of a provider or role hold a parameter that is
// set for each request, or one that can't be sent. Names compare in any case, as some servers do.
func CheckAuthorizationParams(params map[string]string) error {
	if len(params) > maxListed {
		return fmt.Errorf("authorization_params holds more than %d entries", maxListed)
	}
	for name, value := range params {
		if i := slices.IndexFunc(authorizationProtocol, func(p string) bool { return strings.EqualFold(p, name) }); i >= 0 {
			return fmt.Errorf("authorization_params must not hold %s: it is set for each request, from the fields of the provider and the role", authorizationProtocol[i])
		}
		if !isParameter(name) {
			return errors.New("authorization_params holds a name that is empty, too long or has a blank, line break or quote in it")
		}
		if len(value) > maxText || strings.ContainsFunc(value, isControl) {
			return fmt.Errorf("a value in authorization_params has a line break or control character in it or is longer than %d bytes", maxText)
		}
	}
	return nil
}

// isParameter tells whether a text may be the name of a parameter.
func isParameter(name string) bool {
	return name != "" && len(name) <= maxText && isVisible(name) && !strings.ContainsAny(name, `"'<>&=#`)
}

// responseProtocol are the parameters of an authorization response that have a meaning of their own (RFC 6749
// sections 4.1.2 and 4.1.2.1, RFC 9207).
var responseProtocol = []string{"code", "state", "iss", "error", "error_description", "error_uri"}

// validateConsent checks what a definition says of consent, but for its URLs.
func (p *Provider) validateConsent() error {
	return cmp.Or(
		p.validateConsentTexts(),
		CheckAuthorizationParams(p.AuthorizationParams),
		p.validateAuthorizationQuery(),
		p.validateCallback(),
		p.validateAccount(),
	)
}

func (p *Provider) validateConsentTexts() error {
	separator := cmp.Or(p.ScopeSeparator, " ")
	switch {
	case len(separator) > 4 || strings.ContainsFunc(separator, isControl):
		return errors.New("scope_separator must be what stands between the members of a scope: a space, which is the default, or a comma")
	case p.OfflineScope != "" && !isScopeMember(p.OfflineScope) || strings.Contains(p.OfflineScope, separator):
		return errors.New("offline_scope must be a single member of a scope, such as offline_access")
	case p.AuthorizationCodeParameter != "" && !isParameter(p.AuthorizationCodeParameter),
		p.AuthorizationCodeParameter != "code" && slices.Contains(responseProtocol, p.AuthorizationCodeParameter):
		return errors.New("authorization_code_parameter must be the name of the parameter that holds the code, where that is not code")
	case p.RequirePushedAuthorizationRequests && p.PushedAuthorizationRequestEndpoint == "":
		return errors.New("require_pushed_authorization_requests needs a pushed_authorization_request_endpoint: write it")
	}
	return nil
}

func isScopeMember(text string) bool { return len(text) <= maxText && isVisible(text) }

// validateAuthorizationQuery keeps an endpoint's own query, which stays (RFC 6749 section 3.1), from naming a
// parameter that is sent anyway: none may be there twice.
func (p *Provider) validateAuthorizationQuery() error {
	_, query, _ := strings.Cut(p.AuthorizationEndpoint, "?")
	own, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("authorization_endpoint: its query is malformed")
	}
	for name := range own {
		_, twice := p.AuthorizationParams[name]
		if twice || name == "scope" || slices.ContainsFunc(authorizationProtocol, func(p string) bool { return strings.EqualFold(p, name) }) {
			return errors.New("authorization_endpoint: its query holds a parameter that is sent anyway; take it out")
		}
	}
	return nil
}

// validateCallback checks what is kept of an authorization response, and what is compared.
func (p *Provider) validateCallback() error {
	if len(p.CallbackFields) > maxListed || len(p.CallbackChecks) > maxListed {
		return fmt.Errorf("callback_fields and callback_checks hold at most %d entries each", maxListed)
	}
	reserved := append([]string{cmp.Or(p.AuthorizationCodeParameter, "code")}, responseProtocol...)
	for i, name := range p.CallbackFields {
		switch {
		case !isParameter(name):
			return errors.New("callback_fields takes names of parameters of the redirect, such as realmId")
		case slices.Contains(reserved, name):
			return errors.New("callback_fields must not name the code, state, iss or an error: they are not handed on")
		case notRefresh.of(name) != notRefresh || slices.Contains(handedOn, name):
			return errors.New("callback_fields must not go by the name of a token, or of what is handed on anyway")
		case slices.Contains(p.CallbackFields[:i], name):
			return errors.New("callback_fields names a parameter twice")
		case slices.ContainsFunc(p.ExtraFields, func(entry string) bool { extra, _ := extraField(entry); return extra == name }):
			return errors.New("callback_fields names what extra_fields hands on under the same name: leave it out of one of them")
		}
	}
	for name, template := range p.CallbackChecks {
		if !isParameter(name) || slices.Contains(reserved, name) {
			return errors.New("callback_checks takes names of parameters of the redirect other than the code, state, iss and errors")
		}
		if template == "" || strings.ContainsFunc(template, isControl) {
			return errors.New("callback_checks: a value is empty or has a line break in it; names in braces are filled from provider_params")
		}
		if err := checkPlaceholders(template); err != nil {
			return fmt.Errorf("callback_checks: %w", err)
		}
	}
	return nil
}

// accountPlaces are where an account's name may be.
var accountPlaces = []string{"/answer/", "/id_token/", "/callback/"}

func (p *Provider) validateAccount() error {
	pointer := p.AccountPointer
	if pointer == "" {
		return nil
	}
	begins := func(place string) bool { return strings.HasPrefix(pointer, place) && pointer != place }
	if !validPointer(pointer) || !slices.ContainsFunc(accountPlaces, begins) {
		return errors.New("account_pointer must be a JSON Pointer (RFC 6901) that begins with /answer/, /id_token/ or /callback/, such as /id_token/email")
	}
	if name, ok := strings.CutPrefix(pointer, "/callback/"); ok && !slices.Contains(p.CallbackFields, name) {
		return errors.New("account_pointer names a parameter of the callback that callback_fields does not keep: write it to callback_fields too")
	}
	if rest, ok := strings.CutPrefix(pointer, "/answer"); ok {
		for _, secret := range []string{
			cmp.Or(p.AccessTokenPointer, defaultAccessTokenPointer), cmp.Or(p.RefreshTokenPointer, defaultRefreshTokenPointer), idTokenPointer,
		} {
			if rest == secret || inRefreshMember(rest) {
				return errors.New("account_pointer must not name a token: what it finds is shown to people")
			}
		}
	}
	return nil
}
