package client

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A 2xx may have spent the refresh token. Whatever is wrong with the rest of the answer, the new
// one in it must come out: it is the only thing that can't be had again.
func TestRefreshTokenIsSalvaged(t *testing.T) {
	const next = `"refresh_token":"next-token"`
	long := strings.Repeat("x", maxBody)
	for name, answer := range map[string]clienttest.Answer{
		"no access token":           clienttest.JSON(200, `{`+next+`}`),
		"access token is an object": clienttest.JSON(200, `{"access_token":{},`+next+`}`),
		"an error besides":          clienttest.JSON(200, `{"error":"invalid_grant",`+next+`}`),
		"a rate limit besides":      clienttest.JSON(200, `{"ok":false,"error":"ratelimited",`+next+`}`),
		"broken off":                clienttest.JSON(200, `{"access_token":"a",`+next+`,"scope":"rea`),
		"syntax error before":       clienttest.JSON(200, `{"access_token":"a",,`+next+`}`),
		"syntax error after":        clienttest.JSON(200, `{"access_token":"a",`+next+`,}`),
		"a warning in front":        clienttest.Text(200, "text/html", "<br />\n<b>Notice</b>: x\n{\"access_token\":\"a\","+next+`}`),
		"spaces around the colon":   clienttest.JSON(200, `{,"refresh_token" : "next-token"}`),
		"escapes":                   clienttest.JSON(200, `{,"refresh_token":"next\u002dtoken"}`),
		"the same one twice":        clienttest.JSON(200, `{,`+next+`,"old":{`+next+`}}`),
		"over the limit":            clienttest.JSON(200, `{`+next+`,"access_token":"a","junk":"`+long+`"}`),
		"over the limit, gzip":      {Status: 200, Gzip: true, Body: `{` + next + `,"access_token":"a","junk":"` + long + `"}`},
		"connection lost":           {Status: 200, Body: `{"access_token":"a",` + next + `,"scope":"read"}`, CutAfter: 55},
		"connection lost, a form":   {Status: 200, Body: `refresh_token=next-token&access_token=abcdef`, CutAfter: 40},
		"204 with a body's worth":   clienttest.JSON(202, `{`+next+`}`),
	} {
		_, err := exchange(t, &Provider{}, answer)
		e := asError(t, err)
		if e.RefreshToken.Reveal() != "next-token" || e.Class != OutcomeUnknown {
			t.Errorf("%s: %s, salvaged %q", name, e.Class, e.RefreshToken.Reveal())
		}
		if strings.Contains(e.Error(), "next-token") {
			t.Errorf("%s: the error shows it", name)
		}
	}
}

// Half a token is worse than none: it would be stored over the good one. Of two, either may be another grant's.
func TestNothingWrongIsSalvaged(t *testing.T) {
	for name, c := range map[string]struct {
		p      *Provider
		answer clienttest.Answer
	}{
		"broken off inside":            {&Provider{}, clienttest.JSON(200, `{"access_token":"a","refresh_token":"next-tok`)},
		"broken off after a backslash": {&Provider{}, clienttest.JSON(200, `{"access_token":"a","refresh_token":"next-tok\"`)},
		"a number broken off":          {&Provider{}, clienttest.JSON(200, `{"access_token":"a","refresh_token":123`)},
		"connection lost inside":       {&Provider{}, clienttest.Answer{Status: 200, Body: `{"refresh_token":"next-token"}`, CutAfter: 22}},
		"a form, lost inside":          {&Provider{}, clienttest.Answer{Status: 200, Body: `access_token=a&refresh_token=next-token`, CutAfter: 35}},
		"two different ones":           {&Provider{}, clienttest.JSON(200, `{,"refresh_token":"one","bot":{"refresh_token":"two"}}`)},
		"an error answer's":            {&Provider{}, clienttest.JSON(400, `{"error":"invalid_grant","refresh_token":"echo"}`)},
		"a server error's":             {&Provider{}, clienttest.JSON(500, `{"refresh_token":"echo"}`)},
		"larger than any token":        {&Provider{}, clienttest.JSON(200, `{"refresh_token":"`+strings.Repeat("x", maxToken+1)+`"}`)},
		"empty":                        {&Provider{}, clienttest.JSON(200, `{,"refresh_token":""}`)},
	} {
		_, err := exchange(t, c.p, c.answer)
		if e := asError(t, err); e.RefreshToken.IsSet() {
			t.Errorf("%s: salvaged %q", name, e.RefreshToken.Reveal())
		}
	}
}

// An answer whose end is missing counts when all that matters stands before it.
func TestConnectionLostAfterTheLastBrace(t *testing.T) {
	token, err := exchange(t, &Provider{}, clienttest.Answer{
		Raw: "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + `{"access_token":"a","refresh_token":"r"}`,
	})
	if err != nil || token.RefreshToken.Reveal() != "r" {
		t.Errorf("%+v, %v", token, err)
	}
}

// A document of brackets alone must cost neither stack nor time, so a deep one is not understood.
func TestDeepNesting(t *testing.T) {
	deep := strings.Repeat("[", 2*maxDepth) + strings.Repeat("]", 2*maxDepth)
	_, err := exchange(t, &Provider{}, clienttest.JSON(200, `{"access_token":"a","refresh_token":"r","x":`+deep+`}`))
	if e := asError(t, err); e.Class != OutcomeUnknown || e.RefreshToken.Reveal() != "r" {
		t.Errorf("%+v", e)
	}
	for _, bracket := range []string{"[", `{"a":`} {
		_, err := exchange(t, &Provider{}, clienttest.JSON(200, strings.Repeat(bracket, 100_000)))
		if e := asError(t, err); e.Class != OutcomeUnknown {
			t.Errorf("%+v", e)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"access_token":"a","refresh_token":"r","expires_in":1e400,"error":{"code":1}}`), "/a/0/~1")
	f.Add(400, []byte(`{"errors":[{"code":"x"},["invalid_grant"]]}`), "/errors/0")
	f.Add(200, []byte(`access_token=%zz&refresh_token=r`), "/refresh_token")
	f.Add(200, []byte("\ufeff[1,2"), "/-")
	f.Add(200, []byte(`{,"x":"y"}`), "/\x86")
	for _, body := range []string{
		`{"data":[{"refreshToken":"r1"},{"x":{"Refresh-Token":{"value":"r2"}}}]}`, `{"a":1}{"refresh_token":"r"} refresh_token="x"`,
		`{"body":"{\"refresh_token\":\"r\"}"}`, `access_token=a;b&refresh_token=r;s&x=%&y`, packed(`{"refresh_token":"r"}`), packed("[")[:20],
		"\xff\xfe{\x00}\x00", "\x00{", ")]}',\n[", `"{\"a\":1}"`, `<x:refresh_token a="b"><![CDATA[r]]></x>`, `{'refresh_token':'r',"refresh_token":\"r\"`,
		`{"access_token":"a b","error":{"code":0},"errors":[{"code":"invalid_grant"}],"errcode":1}`,
		`{"access_token":"a","expires_in":"2026-03-01 13:00:00","expires_at":-1,"expires":1e400}`,
	} {
		f.Add(200, []byte(body), "/refresh_token")
		f.Add(400, []byte(body), "/data/0")
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, pointer string) {
		p := &Provider{RefreshTokenPointer: pointer, AccessTokenPointer: pointer, ExtraFields: []string{pointer, "error"}}
		r := &Request{Provider: p, RefreshToken: NewSecret("the-refresh-token")}
		for _, cut := range []bool{false, true} {
			a := &answer{status: status, body: body, cut: cut}
			token, err := a.token(r, fixed)
			if (token == nil) == (err == nil) {
				t.Fatalf("token %v and error %v", token, err)
			}
			if token != nil && (token.Lifetime < 0 || token.Ended && token.Lifetime > 0 || !isVisible(token.AccessToken) || token.AccessToken == "" ||
				token.AccessToken == token.RefreshToken.Reveal() || strings.Contains(token.AccessToken, "the-refresh-token")) {
				t.Fatalf("%+v", token)
			}
			if e, ok := err.(*Error); ok && (e.Entry != "" && CheckPermanentErrors([]string{e.Entry}) != nil || e.RefreshToken.IsSet() && e.Class != OutcomeUnknown) {
				t.Fatalf("%+v", e)
			}
		}
	})
}
