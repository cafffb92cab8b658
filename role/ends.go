package role

import (
	"cmp"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// endFields are the ends that only an operator knows of: what the provider's console says.
func endFields(r *Role) mount.Fields {
	return mount.Fields{
		expiry("client_secret_expires_at", &r.ClientSecretExpiresAt, "When the provider stops taking client_secret (RFC 7591): a date (2027-03-01), a time (2027-03-01T08:00:00Z) or a Unix time; 0 or empty for never. "+
			"It is told beforehand by status and by a read of the role, and cleared by a write of another client_secret."),
		expiry("grant_expires_at", &r.GrantExpiresAt, "When the consent behind the grant ends, as open banking's do after 90 or 180 days, written alike; "+
			"cleared when a new grant begins. Where the provider's answers say it, its grant_expires_at_pointer finds it."),
	}
}

// expiry is the row of such an end. readEnds reads it, since it may be refused.
func expiry(name string, of *time.Time, description string) mount.Field {
	return mount.Text(name, nil, description).Shows(name, func() any {
		if of.IsZero() {
			return ""
		}
		return of.Format(time.RFC3339)
	}).OmitEmpty()
}

// readEnds takes the ends that the write names. Those of credentials to come are readNext's.
func (w *Write) readEnds(r *Role) error {
	var old Role
	if w.Old != nil {
		old = *w.Old
	}
	if r.PerOwner() {
		if text, _ := w.Value("grant_expires_at").(string); w.Names("grant_expires_at") && text != "" {
			return mount.Refusal("grant_expires_at is of one grant, and this role keeps one for each owner: leave it out; where the provider's answers say it, set grant_expires_at_pointer on the provider")
		}
		r.GrantExpiresAt = time.Time{}
	}
	return cmp.Or(
		w.readSecretExpiry("", old.Credentials, &r.Credentials),
		w.readExpiry("grant_expires_at", old.GrantExpiresAt, &r.GrantExpiresAt),
	)
}

// readSecretExpiry takes the end of a client secret. One that is written without is another's no more.
func (w *Write) readSecretExpiry(prefix string, before Credentials, c *Credentials) error {
	if !c.ClientSecret.Equal(before.ClientSecret) {
		c.ClientSecretExpiresAt = time.Time{}
	}
	if wrote, _ := w.Value(prefix + "client_secret").(string); w.Names(prefix+"client_secret") && !client.NewSecret(strings.Trim(wrote, "\r\n")).Equal(c.ClientSecret) {
		return nil // that secret was not taken, and its end is another's
	}
	field := prefix + "client_secret_expires_at"
	if err := w.readExpiry(field, before.ClientSecretExpiresAt, &c.ClientSecretExpiresAt); err != nil {
		return err
	}
	if !c.ClientSecretExpiresAt.IsZero() && !c.ClientSecret.IsSet() && w.Names(field) {
		return mount.Refusal(field + " needs its secret: write " + prefix + "client_secret too")
	}
	return nil
}

// readExpiry reads a moment that is to come, or the one that was written before: whoever applies the same configuration
// again names it.
func (w *Write) readExpiry(field string, before time.Time, into *time.Time) error {
	if !w.Names(field) {
		return nil
	}
	if text, _ := w.Value(field).(string); strings.TrimSpace(text) == "0" {
		*into = time.Time{} // RFC 7591 writes it for never
	} else if err := w.Date(field, into); err != nil {
		return err
	}
	if !into.IsZero() && !into.Equal(before) && !into.After(clock.Now()) {
		return mount.Refusal(field + " is past: write the date that is to come, or leave it empty if there is none")
	}
	return nil
}
