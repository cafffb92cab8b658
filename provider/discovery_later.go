package provider

import (
	"slices"

	"vault-plugin-secrets-oauthrefresh/client"
)

// sinceConsent are the fields that discovery fills in since there are consents, those after the first five.
var sinceConsent = client.DiscoveredFields[slices.Index(client.DiscoveredFields, "authorization_endpoint"):]

// knowsConsent tells whether a definition was discovered by a version that looked for the fields of a consent too. Where
// none did, they are nobody's: they are not reported as changed, and a write that names the issuer fills them in.
func (f *Discovery) knowsConsent() bool {
	return slices.ContainsFunc(f.Fields, func(field string) bool { return slices.Contains(sinceConsent, field) })
}
