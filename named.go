package oauthrefresh

import (
	"regexp"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
)

// named makes an answer about a person's grant one for the operator who has named them by their entity: the engine speaks
// to the person, for whom refresh/<role> is their own, and an operator who does as it says would be at theirs.
func named(path string, resp *logical.Response, err error) (*logical.Response, error) {
	_, rest, _ := strings.Cut(path, "/")
	role, owner, _ := strings.Cut(rest, "/")
	if !grant.IsEntityID(owner) {
		return resp, err
	}
	own := regexp.MustCompile(`\b(status|refresh|revoke|authorize|device)/` + regexp.QuoteMeta(role) + `([.:]?(?:[^A-Za-z0-9._@+:/-]|$))`)
	say := func(text string) string {
		return own.ReplaceAllStringFunc(text, func(found string) string {
			part := own.FindStringSubmatch(found)
			if part[1] == "authorize" || part[1] == "device" { // nobody else can
				return part[1] + "/" + role + " (which is for its owner to do)" + part[2]
			}
			return part[1] + "/" + role + "/" + owner + part[2]
		})
	}
	if coded, ok := err.(logical.HTTPCodedError); ok {
		err = logical.CodedError(coded.Code(), say(coded.Error()))
	}
	if resp != nil {
		for _, field := range []string{"error", "next_step", "why"} {
			if text, ok := resp.Data[field].(string); ok {
				resp.Data[field] = say(text)
			}
		}
		for i := range resp.Warnings {
			resp.Warnings[i] = say(resp.Warnings[i])
		}
	}
	return resp, err
}
