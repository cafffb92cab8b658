package mount

import (
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// IsEntityTemplate tells whether a text is a template as in Vault's policies that says something of an entity.
func IsEntityTemplate(text string) bool {
	templated, err := framework.ValidateIdentityTemplate(text)
	return err == nil && templated && strings.Contains(text, "identity.entity.")
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
