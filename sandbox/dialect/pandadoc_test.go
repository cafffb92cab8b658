package dialect_test

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// The scope as the document spells it, encoded once; and as a form that was not encoded turns it.
func TestPandaDocScope(t *testing.T) {
	for raw, ok := range map[string]bool{
		"read%2Bwrite": true, "read+write": true, "read%20write": true,
		"read%252Bwrite": false, "read%2520write": false, "": false, "read": false, "read%2Cwrite": false,
	} {
		b := sandboxtest.New(t)
		good := b.Good("pandadoc", b.Initial("pandadoc"))
		r := good
		r.Form = strings.Replace(good.Form, "scope=read%2Bwrite", "scope="+raw, 1)
		if ok {
			b.Want(200, "", r)
			continue
		}
		b.Want(400, "invalid_scope", r)
		r.Form = strings.Replace(good.Form, "scope=read%2Bwrite", "", 1)
		b.Want(400, "invalid_scope", r)
	}
}
