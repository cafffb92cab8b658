package oauth

import "time"

// grant is one authorization: a chain of refresh tokens and the access tokens that came of it.
type grant struct {
	app        *App
	generation int // counts refreshes
	revoked    string
	user       *User   // who has agreed; nil for one that the application starts with
	scope      string  // as agreed
	policy     *Policy // its own, where it is treated otherwise than the provider's others
	access     []*accessToken
}

type refreshToken struct {
	grant   *grant
	expires time.Time // zero: never
	spentAt time.Time // zero: still good
	spentIn int       // the generation that replaced it
}

type accessToken struct {
	grant      *grant
	generation int
	expires    time.Time
	dead       string // why it died before its time
}

// Issued is what a good exchange hands out. refreshToken is empty when the old one stays in use.
type Issued struct {
	AccessToken, RefreshToken   string
	ExpiresIn, RefreshExpiresIn int64 // seconds
	Now                         time.Time

	// Of a grant that a person has agreed to: who, to what, and the ID token where there is one.
	User           *User
	Scope, IDToken string

	grant *grant
	nonce string // for the ID token
}

// killAccess ends every access token that the grant has issued.
func (g *grant) killAccess(why string) {
	for _, t := range g.access {
		if t.dead == "" {
			t.dead = why
		}
	}
	g.access = nil
}

// revoke ends the grant: no refresh token of its chain works any more. The first reason stays.
func (g *grant) revoke(why string) {
	if g.revoked == "" {
		g.revoked = why
	}
	g.killAccess(why)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
