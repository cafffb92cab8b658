package client

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxDuration bounds every duration of a definition and every lifetime in an answer. The
	// longest that a provider documents is QuickBooks' refresh token with 5 years; the bound keeps
	// sums far from time.Duration's end at 292 years.
	maxDuration = 10 * 365 * day
	// maxListed bounds lists and maps of a definition, and maxText each text in them.
	maxListed = 64
	maxText   = 1024
)

// Validate checks a definition and returns the first thing that is wrong with it as a sentence
// that says what to do. http:// endpoints pass only with allowInsecure. It repeats no value of
// the definition, only names of fields and parameters.
func (p *Provider) Validate(allowInsecure bool) error {
	for _, check := range []func() error{
		p.validateSizes,
		func() error { return p.validateIssuer(allowInsecure) },
		func() error { return p.validateEndpoints(allowInsecure) },
		p.validatePatterns,
		p.validateChoices,
		p.validateAssertions,
		func() error { return CheckParams(p.TokenParams) },
		func() error { return CheckHeaders(p.TokenHeaders) },
		p.validateIdempotencyHeader,
		p.validatePointers,
		p.validateExtraFields,
		p.validateDurations,
		p.validatePermanentErrors,
		p.validateConsent,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) validateSizes() error {
	if err := CheckRefreshesPerDay(p.MaxRefreshesPerDay); err != nil {
		return err
	}
	for field, n := range map[string]int{
		"param_patterns": len(p.ParamPatterns), "param_defaults": len(p.ParamDefaults),
		"token_params": len(p.TokenParams), "token_headers": len(p.TokenHeaders), "param_order": len(p.ParamOrder),
		"extra_fields": len(p.ExtraFields), "permanent_errors": len(p.PermanentErrors),
	} {
		if n > maxListed {
			return fmt.Errorf("%s holds more than %d entries", field, maxListed)
		}
	}
	for field, list := range map[string][]string{
		"param_order": p.ParamOrder, "extra_fields": p.ExtraFields, "permanent_errors": p.PermanentErrors, "docs": {p.Docs},
	} {
		if slices.ContainsFunc(list, func(s string) bool { return len(s) > maxText }) {
			return fmt.Errorf("a text in %s is longer than %d bytes", field, maxText)
		}
	}
	return nil
}

func (p *Provider) validateChoices() error {
	for _, c := range []struct {
		field, value string
		allowed      []string
	}{
		{"token_endpoint_auth_method", cmp.Or(p.TokenEndpointAuthMethod, AuthBasic), authMethods},
		{"basic_encoding", cmp.Or(p.BasicEncoding, BasicRFC6749), []string{BasicRFC6749, BasicRaw}},
		{"request_format", cmp.Or(p.RequestFormat, FormatForm), []string{FormatForm, FormatMultipart, FormatJSON}},
		{"refresh_token_rotation", cmp.Or(p.RefreshTokenRotation, RotationSometimes), []string{RotationAlways, RotationSometimes, RotationNever}},
		{"pkce", cmp.Or(p.PKCE, PKCES256), []string{PKCES256, PKCENone}},
		{"response_mode", cmp.Or(p.ResponseMode, ResponseModeQuery), []string{ResponseModeQuery, ResponseModeFormPost}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("%s must be one of %s", c.field, strings.Join(c.allowed, ", "))
		}
	}
	return nil
}

var authMethods = []string{AuthBasic, AuthPost, AuthKeyJWT, AuthSecretJWT, AuthTLS, AuthSelfSignedTLS, AuthNone}

// maxRefreshesPerDay is a bound on a bound: more than ten a second is no budget but a slip.
const maxRefreshesPerDay = 1_000_000

// CheckRefreshesPerDay returns what is wrong with a max_refreshes_per_day.
func CheckRefreshesPerDay(n int) error {
	if n < 0 || n > maxRefreshesPerDay {
		return fmt.Errorf("max_refreshes_per_day must lie between 1 and %d, or be 0 for none", maxRefreshesPerDay)
	}
	return nil
}

func (p *Provider) validateDurations() error {
	for _, d := range []struct {
		field string
		value Duration
	}{
		{"assumed_token_ttl", p.AssumedTokenTTL},
		{"refresh_window", p.RefreshWindow},
		{"reuse_grace", p.ReuseGrace},
		{"refresh_token_idle_ttl", p.RefreshTokenIdleTTL},
	} {
		if d.value < 0 || time.Duration(d.value) > maxDuration {
			return fmt.Errorf("%s must lie between 0 and 10 years", d.field)
		}
	}
	return nil
}
