package role

import (
	"strings"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// The values of a role's grant_owner.
const (
	grantOwnerRole   = "role"   // one grant, for all who may read it
	GrantOwnerEntity = "entity" // one for each person who agrees, and for each owner that a broker names
)

// ownerFields are about whose the grants are. They are shown where they are set.
func ownerFields(r *Role) mount.Fields {
	fields := mount.Fields{
		mount.Text("grant_owner", &r.GrantOwner, "role (default): one grant for all who may read it. entity: one for each person, whom Vault knows by the entity of the request; each brings it with authorize/<name>."),
		mount.Text("bound_account", &r.BoundAccount, "With grant_owner=entity, the account at the provider that a person must agree with, as a template over their entity: {{identity.entity.metadata.email}}, or {{identity.entity.aliases.<accessor>.name}}."),
	}
	for i := range fields {
		fields[i] = fields[i].OmitEmpty()
	}
	return fields
}

// checkOwner returns what is wrong with whose the grants are.
func (r *Role) checkOwner() error {
	switch {
	case r.GrantOwner != "" && r.GrantOwner != GrantOwnerEntity:
		return mount.Refusal("grant_owner must be role or entity")
	case !r.PerOwner() && r.BoundAccount != "":
		return mount.Refusal("bound_account is for grant_owner=entity, where it says which account is whose: leave it out, or write bound_account=\"\"")
	case !r.PerOwner():
		return nil
	case r.GrantType != client.GrantRefreshToken:
		return mount.Refusal("grant_owner=entity is for grant_type=refresh_token: with the others nobody agrees, and all would get the client's own tokens")
	case r.TokenMode == TokenModePerLease:
		return mount.Refusal("grant_owner=entity is for token_mode=shared: a person's tokens are that person's already")
	case r.DeviceFlow && r.BoundAccount == "":
		return mount.Refusal("device_flow=true with grant_owner=entity needs bound_account: in that flow nothing tells whether whoever agrees is whoever began, so that the account must")
	}
	return r.checkBoundAccount()
}

// checkBoundAccount wants a template that says something of the entity.
func (r *Role) checkBoundAccount() error {
	if r.BoundAccount != "" && !mount.IsEntityTemplate(r.BoundAccount) {
		return mount.Refusal("bound_account must be a template over the entity, as in {{identity.entity.metadata.email}} or {{identity.entity.aliases.<accessor>.name}}")
	}
	return nil
}

// checkOwnersAccount wants a provider that says whose account it is, and says so itself.
func (r *Role) checkOwnersAccount(p *client.Provider) error {
	if r.BoundAccount == "" || p == nil {
		return nil
	}
	if p.AccountPointer == "" || strings.HasPrefix(p.AccountPointer, "/callback/") {
		return mount.Refusal("bound_account needs a provider whose account_pointer finds the account in an ID token or in the token endpoint's answer (/id_token/... or /answer/...): " +
			"what comes with the browser anybody can write there")
	}
	return nil
}

// changesOwner tells whether the grants become somebody else's.
func (w *Write) changesOwner(r *Role) bool { return w.Old != nil && w.Old.PerOwner() != r.PerOwner() }

// warnOfOwners says what a write means for grants that owners have already.
func (w *Write) warnOfOwners(r *Role) {
	if w.Old == nil || !w.Old.PerOwner() || !r.PerOwner() {
		return
	}
	if r.ClientRealm() != w.Old.ClientRealm() {
		w.Warnings = append(w.Warnings, "the grants that people have of this role were agreed to with another client or server: none of them is read or refreshed until this is undone, or each has agreed anew")
	}
	if r.BoundAccount != "" && r.BoundAccount != w.Old.BoundAccount {
		w.Warnings = append(w.Warnings, "bound_account is compared when somebody agrees: the grants that there are stay as they are; LIST status/<role> shows their accounts")
	}
}

// checkOwner refuses to take living grants from their owners, and a grant that would be nobody's.
func (w *Write) checkOwner(r *Role, p *client.Provider) error {
	switch {
	case w.changesOwner(r) && w.Old.PerOwner() && w.State.Owners > 0:
		return mount.Refusal("this role keeps grants of owners, so grant_owner can't be changed: revoke and forget each (revoke/<role>/<owner>, then a delete of status/<role>/<owner>), " +
			"or delete the role, or write another one")
	case w.changesOwner(r) && !w.Old.PerOwner() && w.State.RefreshToken.IsSet() && !w.State.Dead:
		return mount.Refusal("this role has a living grant, so grant_owner can't be changed: end it with revoke/<role>, or write another role")
	case r.PerOwner() && w.brought.refreshToken.IsSet() && w.Names("refresh_token"):
		return mount.Refusal("grant_owner=entity takes no refresh_token: it would be nobody's. Each person brings their own with authorize/<role>")
	case r.PerOwner() && !Authorizable(p):
		return mount.Refusal("grant_owner=entity needs a provider with an authorization_endpoint or a device_authorization_endpoint, or nobody could agree")
	}
	return r.checkOwnersAccount(p)
}
