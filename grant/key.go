package grant

import (
	"regexp"
	"strings"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Key names one grant of a mount, for storage, locks and memory: <role>, or <role>/<owner> on a role that keeps one grant
// for each of its owners. Neither holds a slash.
type Key string

// KeyOf is the key of an owner's grant of a role, "" for the role's own.
func KeyOf(role, owner string) Key {
	if owner == "" {
		return Key(role)
	}
	return Key(role + "/" + owner)
}

// Role is the name of the role that the grant is of.
func (k Key) Role() string {
	name, _, _ := strings.Cut(string(k), "/")
	return name
}

// Owner is whose the grant is, an entity's id or a name that a broker gives; "" for the role's own.
func (k Key) Owner() string {
	_, owner, _ := strings.Cut(string(k), "/")
	return owner
}

// Entity is the id of the entity that owns the grant, "" where none does.
func (k Key) Entity() string {
	if owner := k.Owner(); IsEntityID(owner) {
		return owner
	}
	return ""
}

// Path is what follows creds/ and its like where the grant is spoken of: who owns it by being an entity never names
// itself.
func (k Key) Path() string {
	if k.Entity() != "" {
		return k.Role()
	}
	return string(k)
}

// renew is what helps when the grant is dead. An owner's can't be written to the role.
func (k Key) renew() string {
	if k.Owner() != "" {
		return "authorize again with authorize/" + k.Path()
	}
	return "authorize again at the provider and write the new refresh_token to roles/" + k.Role()
}

// entityID is how Vault writes them, in any case of letters: somebody's claim must not become one by its writing.
var entityID = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// IsEntityID tells whether an owner is one of Vault's entities, and not a name.
func IsEntityID(owner string) bool { return entityID.MatchString(owner) }

// Who asks, and for whose grant of a role.
type Who struct {
	Role   string
	Owner  string // as the path names it, "" where it names none
	Entity string // of the request, "" for none
}

var (
	errNoEntity = mount.Refusal("this role keeps one grant for each person, and this token belongs to none: log in through an auth method (tokens of " +
		"create-orphan and root tokens have no entity), or name the owner, as in <path>/<role>/<owner>")
	errNoOwners = mount.Refusal("this role has one grant for all who may read it (grant_owner=role): leave the owner out of the path")
	errEntityID = mount.Refusal("an owner that is named here must not look like an entity id, or a claim could pick somebody's grant: people leave the owner out, and reach their own; " +
		"a broker whose users have such ids puts something before them, as in <role>/user-<id>")
	errForeign = mount.Refusal("this grant was agreed to with another client or another server than the role has now, so its refresh token is not sent anywhere: " +
		"undo the change of the role or authorize again")
	errNotOwned = mount.Refusal("the role keeps one grant for each of its owners now, and this is of none of them: begin again")
)

// errNotMine refuses what only an entity itself may do with its grant.
func (w Who) errNotMine() error {
	if IsEntityID(w.Owner) && !strings.EqualFold(w.Owner, w.Entity) {
		return errEntityID
	}
	if w.Owner != "" {
		return mount.CheckNewName(w.Owner) // in a policy's path, + is every owner
	}
	return nil
}

// key is the grant that is asked for, of a role that keeps one for each owner or not.
func (w Who) key(perOwner bool) (Key, error) {
	switch {
	case !perOwner && w.Owner != "":
		return "", errNoOwners
	case !perOwner:
		return KeyOf(w.Role, ""), nil
	case w.Owner != "":
		return KeyOf(w.Role, canonical(w.Owner)), nil
	case w.Entity == "":
		return "", errNoEntity
	}
	return KeyOf(w.Role, canonical(w.Entity)), nil
}

// canonical writes an entity's id as Vault does.
func canonical(owner string) string {
	if IsEntityID(owner) {
		return strings.ToLower(owner)
	}
	return owner
}

// isOf tells whether a state is of the grant that a role has under this key now.
func (k Key) isOf(r *role.Role, st *State) bool {
	if k.Owner() == "" {
		return !r.PerOwner() && st.GrantID == r.GrantID
	}
	return r.PerOwner() && st.RoleID == r.GrantID
}
