package authorize

import (
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// checkOwner refuses a consent whose grant would be nobody's, or whose account could not be compared. A token from before
// its entity was merged or deleted lives on, and would bring a grant that the person does not reach with the next one.
func (c *Consents) checkOwner(g *grant.Grant) error {
	switch {
	case g.Role.PerOwner() && g.Key.Owner() == "":
		return mount.Refusal("this role keeps one grant for each person: log in through an auth method, or name the owner")
	case g.Role.BoundAccount != "" && g.Key.Entity() == "":
		return mount.Refusal("this role binds accounts to people (bound_account), so only they themselves can authorize it, logged in through an auth method, and no owner is named")
	}
	if standing, err := c.grants.OwnerStanding(g.Key); err == nil && standing == grant.OwnerGone {
		return mount.Refusal("Vault does not know the entity of this token any more (it was merged into another, or deleted): log in again, and begin again")
	}
	return nil
}

// checkAccount compares whoever has agreed with the account that the role wants of this owner. It is what closes phishing:
// whoever was talked into agreeing has an account of their own. The error is a refused, or trouble that may pass.
func (c *Consents) checkAccount(g *grant.Grant, con *Consent) error {
	if g.Role.BoundAccount == "" {
		return nil
	}
	want := mount.FillTemplate(g.Role.BoundAccount, g.Key.Entity(), c.grants.Vault)
	switch standing, err := c.grants.OwnerStanding(g.Key); {
	case err != nil:
		return logical.CodedError(http.StatusServiceUnavailable, "Vault could not be asked whose account this should be: try again")
	case standing != "" || want == "":
		return refused(reasonNoAccount)
	case con.Account == "" || con.AccountClaimed || !sameAccount(con.Account, want):
		return refused(reasonAccount)
	}
	return nil
}

// sameAccount compares the names of two accounts. Addresses are written in any case of letters.
func sameAccount(a, b string) bool {
	if strings.Contains(a, "@") && strings.Contains(b, "@") {
		a, b = lower(a), lower(b)
	}
	return a == b
}

// lower is for ASCII only: beyond it, letters that differ can have one lower case.
func lower(text string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, text)
}
