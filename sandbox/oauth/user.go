package oauth

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// User is a person who can log in, by name alone: a password would be one more thing that everybody knows.
type User struct {
	Name    string // an email address
	Subject string // sub in ID tokens
}

// firstUsers are those that every server knows. An order adds others, see Order.User.
func firstUsers() []User {
	return []User{newUser("alice@example.test"), newUser("bob@example.test"), newUser("mallory@example.test")}
}

// newUser makes one, with the same subject each time.
func newUser(name string) User {
	sum := sha256.Sum256([]byte(name))
	return User{Name: name, Subject: fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])}
}

// user finds a person by name; nil for a stranger.
func (l *Ledger) user(name string) *User {
	if i := slices.IndexFunc(l.users, func(u User) bool { return u.Name == name }); i >= 0 {
		return &l.users[i]
	}
	return nil
}
