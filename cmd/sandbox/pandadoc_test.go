package main

import (
	"strings"
	"testing"
)

// The scope as the document spells it, encoded once; and as a form that was not encoded turns it.
func TestPandaDocScope(t *testing.T) {
	for raw, ok := range map[string]bool{
		"read%2Bwrite": true, "read+write": true, "read%20write": true,
		"read%252Bwrite": false, "read%2520write": false, "": false, "read": false, "read%2Cwrite": false,
	} {
		b := newBench(t)
		good := b.good("pandadoc", b.initial("pandadoc"))
		r := good
		r.form = strings.Replace(good.form, "scope=read%2Bwrite", "scope="+raw, 1)
		if ok {
			b.want(200, "", r)
			continue
		}
		b.want(400, "invalid_scope", r)
		r.form = strings.Replace(good.form, "scope=read%2Bwrite", "", 1)
		b.want(400, "invalid_scope", r)
	}
}
