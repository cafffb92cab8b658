package mount

import (
	"regexp"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// directive is what stands in the braces of a template, and ofEntity what may stand there: what Vault can tell of one entity.
var (
	directive = regexp.MustCompile(`\{\{([^{}]*)\}\}`)
	ofEntity  = regexp.MustCompile(`^\s*identity\.entity\.(id|name|metadata\.\S+|aliases\.[^.\s]+\.(id|name|metadata\.\S+|custom_metadata\.\S+))\s*$`)
)

// IsEntityTemplate tells whether a text is a template as in Vault's policies that says something of an entity, and nothing
// that Vault could never fill in.
func IsEntityTemplate(text string) bool {
	found := directive.FindAllStringSubmatch(text, -1)
	for _, match := range found {
		if !ofEntity.MatchString(match[1]) {
			return false
		}
	}
	templated, err := framework.ValidateIdentityTemplate(text)
	return err == nil && templated && len(found) > 0 && !strings.ContainsAny(directive.ReplaceAllString(text, ""), "{}")
}

// FillTemplate fills such a template in with what Vault knows of an entity, "" where it does not know all that the
// template names.
func FillTemplate(text, entity string, vault logical.SystemView) string {
	filled, err := framework.PopulateIdentityTemplate(text, entity, vault)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(filled)
}
