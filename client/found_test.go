package client

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// brought is what an exchange brought of refresh tokens, with an access token or without.
type brought struct {
	access, next, at string
	candidates       []Found
}

func bringing(t *testing.T, p *Provider, answer clienttest.Answer) brought {
	t.Helper()
	token, err := exchange(t, p, answer)
	if err == nil {
		return brought{token.AccessToken, token.RefreshToken.Reveal(), token.FoundAt, token.Candidates}
	}
	e := asError(t, err)
	if (e.RefreshToken.IsSet() || e.Candidates != nil) && e.Class != OutcomeUnknown {
		t.Errorf("%s with a refresh token", e.Class)
	}
	if text := fmt.Sprintf("%+v %#v", e, e); strings.Contains(text, "next-token") {
		t.Errorf("the error shows it: %s", text)
	}
	return brought{"", e.RefreshToken.Reveal(), e.FoundAt, e.Candidates}
}

func packed(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.String()
}

func inUTF16(text string, low, high int) string {
	out := make([]byte, 2*len(text))
	for i, c := range []byte(text) {
		out[2*i+low], out[2*i+high] = c, 0
	}
	return string(out)
}

// That a body can be parsed does not mean that it was understood. Where the definition looks there is no refresh
// token, and the one that was sent is spent: the next one is found and said to be where it is.
func TestARefreshTokenIsFoundWhereverItIs(t *testing.T) {
	const pair = `"access_token":"a1","refresh_token":"next-token"`
	quoted, _ := json.Marshal(`{` + pair + `}`)
	for name, c := range map[string]struct {
		body   string
		access string
		at     string
	}{
		"nested":                          {`{"message":"success","data":{` + pair + `}}`, "", "/data/refresh_token"},
		"nested, beside an access token":  {`{"access_token":"a1","user":{"refresh_token":"next-token"}}`, "a1", "/user/refresh_token"},
		"in a list":                       {`[{` + pair + `}]`, "", "/0/refresh_token"},
		"in a list of a member":           {`{"access_token":"a1","tokens":[{"x":1},{"refresh_token":"next-token"}]}`, "a1", "/tokens/1/refresh_token"},
		"a list of one":                   {`{"access_token":"a1","refresh_token":["next-token"]}`, "a1", "/refresh_token/0"},
		"an object around it":             {`{"access_token":"a1","refresh_token":{"value":"next-token","expires_in":"36000000"}}`, "a1", "/refresh_token/value"},
		"token of refresh":                {`{"access_token":"a1","refresh":{"token":"next-token"}}`, "a1", "/refresh/token"},
		"in camel case":                   {`{"accessToken":"a1","refreshToken":"next-token"}`, "", "/refreshToken"},
		"in capitals":                     {`{"Access_Token":"a1","Refresh_Token":"next-token"}`, "", "/Refresh_Token"},
		"with a hyphen":                   {`{"access_token":"a1","refresh-token":"next-token"}`, "a1", "/refresh-token"},
		"with a prefix":                   {`{"access_token":"a1","new_refresh_token":"next-token"}`, "a1", "/new_refresh_token"},
		"a slash in the way":              {`{"access_token":"a1","a/b~c":{"refresh_token":"next-token"}}`, "a1", "/a~1b~0c/refresh_token"},
		"null where it is looked for":     {`{"access_token":"a1","refresh_token":null,"data":{"refresh_token":"next-token"}}`, "a1", "/data/refresh_token"},
		"a word where it is looked for":   {`{"access_token":"a1","refresh_token":"null","data":{"refresh_token":"next-token"}}`, "a1", "/data/refresh_token"},
		"the sent one besides":            {`{"access_token":"a1","request":{"refresh_token":"the-refresh-token"},"data":{"refresh_token":"next-token"}}`, "a1", "/data/refresh_token"},
		"a copy of the request":           {`{"refresh_token":"the-refresh-token","grant_type":"refresh_token","data":{` + pair + `}}`, "", "/data/refresh_token"},
		"twice the same":                  {`{"access_token":"a1","x":{"refresh_token":"next-token"},"y":{"refreshToken":"next-token"}}`, "a1", "/x/refresh_token"},
		"with success false":              {`{"success":false,"data":{"refresh_token":"next-token"}}`, "", "/data/refresh_token"},
		"overwritten":                     {`{` + pair + `,"refresh_token":null}`, "a1", FoundBroken},
		"a JSON text in JSON":             {`{"statusCode":200,"body":` + string(quoted) + `}`, "", FoundBroken},
		"a form in JSON":                  {`{"status":200,"body":"access_token=a1&refresh_token=next-token"}`, "", FoundBroken},
		"a second document":               {"{\"debug\":1}\n{" + pair + "}", "", FoundBroken},
		"a second document at once":       {`{"warning":"x"}{` + pair + `}`, "", FoundBroken},
		"a second document, broken":       {`{"warning":"x"} {` + pair, "", FoundBroken},
		"garbage after the document":      {`{"access_token":"a1"} refresh_token = "next-token"`, "a1", FoundBroken},
		"a trailing comma":                {`{` + pair + `,}`, "", ""},
		"not a number":                    {`{"access_token":"a1","expires_in":NaN,"refresh_token":"next-token"}`, "", FoundBroken},
		"a raw line break":                {"{\"access_token\":\"a1\",\"note\":\"a\nb\",\"refresh_token\":\"next-token\"}", "", FoundBroken},
		"single quotes":                   {`{'access_token': 'a1', 'refresh_token': 'next-token'}`, "", FoundBroken},
		"no quotes at the name":           {`{access_token:"a1",refresh_token:"next-token"}`, "", FoundBroken},
		"a JSON text in broken JSON":      {`{,"body":"{\"refresh_token\":\"next-token\"}"}`, "", FoundBroken},
		"camel case, broken":              {`{,"refreshToken":"next-token"}`, "", FoundBroken},
		"nested, broken off":              {`{"data":{"refresh_token":"next-token"},"scope":"rea`, "", "/data/refresh_token"},
		"nested too deep":                 {`{"x":` + strings.Repeat("[", 80) + strings.Repeat("]", 80) + `,` + pair + `}`, "", FoundBroken},
		"XML":                             {`<r><access_token>a1</access_token><refresh_token>next-token</refresh_token></r>`, "", FoundBroken},
		"XML, CDATA":                      {`<r><o:refreshToken type="x"> <![CDATA[next-token]]> </o:refreshToken></r>`, "", FoundBroken},
		"XML, an attribute":               {`<token refresh_token="next-token"/>`, "", FoundBroken},
		"an array of PHP's":               {"array (\n  'refresh_token' => 'next-token',\n)", "", FoundBroken},
		"a form in a page":                {`<a href="/x?access_token=a1&refresh_token=next-token&x=1">`, "", FoundBroken},
		"a form's pair with a semicolon":  {`refresh_token=next;token&access_token=a1`, "a1", FoundBroken},
		"a form's pair, nested":           {`access_token=a1&data[refresh_token]=next-token`, "a1", "/data[refresh_token]"},
		"a form in camel case":            {`accessToken=a1&refreshToken=next-token`, "", "/refreshToken"},
		"UTF-16 without a mark":           {inUTF16(`{"data":{`+pair+`}}`, 0, 1), "", "/data/refresh_token"},
		"gzip without its header, nested": {packed(`{"data":{` + pair + `}}`), "", "/data/refresh_token"},
	} {
		want := brought{c.access, "next-token", c.at, nil}
		if strings.Contains(c.body, "next;token") {
			want.next = "next;token"
		}
		got := bringing(t, &Provider{}, clienttest.JSON(200, c.body))
		if fmt.Sprint(got) != fmt.Sprint(want) || got.next != want.next {
			t.Errorf("%s: %+v %s, want %+v", name, got, got.next, want)
		}
		if pointer := got.at; pointer != "" && pointer != FoundBroken { // what an operator then writes
			p := &Provider{RefreshTokenPointer: pointer}
			if got := bringing(t, p, clienttest.JSON(200, c.body)); got.next != "next-token" || got.at != "" {
				t.Errorf("%s: with refresh_token_pointer=%s: %+v", name, pointer, got)
			}
		}
	}
}

// What a proxy, a guard against scripts or a careless server puts around a good answer leaves it one.
func TestWhatIsAroundAnAnswerIsTakenOff(t *testing.T) {
	const body = `{"access_token":"a1","refresh_token":"next-token","expires_in":60}`
	quoted, _ := json.Marshal(body)
	for name, text := range map[string]string{
		"gzip without its header": packed(body),
		"UTF-16":                  "\xff\xfe" + inUTF16(body, 0, 1),
		"UTF-16, big endian":      "\xfe\xff" + inUTF16(body, 1, 0),
		"a guard":                 ")]}',\n" + body,
		"another guard":           "while(1);" + body,
		"a loop":                  "for (;;); " + body,
		"JSON in a JSON string":   string(quoted),
		"zeros at the end":        body + "\x00\x00",
		"invalid UTF-8":           strings.Replace(body, "{", "{\"note\":\"\xff\",", 1),
	} {
		token := mustExchange(t, &Provider{}, clienttest.JSON(200, text))
		if token.AccessToken != "a1" || token.RefreshToken.Reveal() != "next-token" || token.FoundAt != "" || token.Lifetime == 0 {
			t.Errorf("%s: %+v", name, token)
		}
	}
}

// A form is read pair by pair.
func TestOneBadPairDoesNotSpoilAForm(t *testing.T) {
	for body, access := range map[string]string{
		`access_token=a1&scope=a;b&refresh_token=next-token`:              "a1",
		`access_token=a1&scope=read write&refresh_token=next-token`:       "a1",
		`access_token=a1&note=100%&refresh_token=next-token`:              "a1",
		`access_token=a1;refresh_token=next-token;expires_in=60`:          "a1",
		"access_token=a1\nrefresh_token=next-token\nexpires_in=60":        "a1",
		`access_token=A;app&refresh_token=next-token&expires_in=3600`:     "", // its own pair is bad
		`access_token=a1&note=<b>&refresh_token=next-token&expires_in=60`: "a1",
	} {
		got := bringing(t, &Provider{}, clienttest.Text(200, "application/x-www-form-urlencoded", body))
		if got.access != access || got.next != "next-token" || got.at != "" {
			t.Errorf("%s: %+v %s", body, got, got.next)
		}
	}
}

// Which of several is the grant's is for a person to say. None is taken, none is lost.
func TestSeveralRefreshTokensAreAllKept(t *testing.T) {
	for body, want := range map[string][]Found{
		`{"access_token":"a1","bot":{"refresh_token":"one"},"user":{"refreshToken":"two"}}`: {{Token: NewSecret("one"), Pointer: "/bot/refresh_token"}, {Token: NewSecret("two"), Pointer: "/user/refreshToken"}},
		`{"bot":{"refresh_token":"one"},"user":{"refresh_token":"two"}}`:                    {{Token: NewSecret("one"), Pointer: "/bot/refresh_token"}, {Token: NewSecret("two"), Pointer: "/user/refresh_token"}},
		`{,"refresh_token":"one","bot":{"refresh_token":"two"}}`:                            {{Token: NewSecret("one"), Pointer: ""}, {Token: NewSecret("two"), Pointer: ""}},
		`{"bot":{"refresh_token":"one"},,"refresh_token":"two"}`:                            {{Token: NewSecret("one"), Pointer: "/bot/refresh_token"}, {Token: NewSecret("two"), Pointer: ""}},
	} {
		got := bringing(t, &Provider{}, clienttest.JSON(200, body))
		if got.next != "" || got.at != "" || len(got.candidates) != len(want) {
			t.Fatalf("%s: %+v", body, got)
		}
		for i, f := range got.candidates {
			if !f.Token.Equal(want[i].Token) || f.Pointer != want[i].Pointer {
				t.Errorf("%s: %d is at %q, want %q", body, i, f.Pointer, want[i].Pointer)
			}
		}
	}
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf(`{"refresh_token":"%d-%s"}`, i, strings.Repeat("x", 300)))
	}
	if got := bringing(t, &Provider{}, clienttest.JSON(200, `[`+strings.Join(many, ",")+`]`)); len(got.candidates) != maxFound {
		t.Errorf("%d are kept", len(got.candidates))
	}
}

// What the definition finds is the grant's, whatever else looks like one; and what says that there is none is none.
func TestNothingElseIsTakenForARefreshToken(t *testing.T) {
	for body, next := range map[string]string{
		`{"access_token":"a1","refresh_token":"next-token","bot":{"refresh_token":"other-token"}}`:        "next-token",
		`{"access_token":"a1","refresh_token":"the-refresh-token","bot":{"refresh_token":"other-token"}}`: "the-refresh-token",
		`{"access_token":"a1","request":{"refresh_token":"the-refresh-token"}}`:                           "",
		`{"access_token":"a1","data":{"refresh_token":null,"refreshToken":"","x":{"refresh_token":" "}}}`: "",
		`{"access_token":"a1","data":{"refresh_token":"null","refreshToken":"None","Refresh_Token":"*"}}`: "",
		`{"access_token":"a1","data":{"refresh_token":"no token was issued"}}`:                            "",
		`{"access_token":"a1","data":{"refresh_token":false,"has_refresh_token":1}}`:                      "",
		`{"access_token":"a1","data":{"refresh_token":"` + strings.Repeat("x", maxToken+1) + `"}}`:        "",
		`{"access_token":"a1","refresh_token_expires_in":"31536000","refresh_expires_in":9999999999}`:     "",
		`{"access_token":"a1","refresh_token":"undefined"}`:                                               "",
		`{"access_token":"a1","note":"the refresh_token=secret-one has ended"}`:                           "",
		`{"access_token":"a1","refresh_url":"https://a.example/refresh"}`:                                 "",
	} {
		if got := bringing(t, &Provider{}, clienttest.JSON(200, body)); got.access != "a1" || got.next != next || got.at != "" || got.candidates != nil {
			t.Errorf("%.90s: %+v %s", body, got, got.next)
		}
	}
}

// The place is shown to people, so it is one only when its names can be shown.
func TestAPlaceThatHoldsASecretIsNotNamed(t *testing.T) {
	for _, name := range []string{"the-client-secret", "next-token", "a\\nb", "\\u001b[31m", strings.Repeat("x", 300)} {
		got := bringing(t, &Provider{}, clienttest.JSON(200, `{"access_token":"a1","`+name+`":{"refresh_token":"next-token"}}`))
		if got.next != "next-token" || got.at != FoundBroken {
			t.Errorf("%.40s: %q at %q", name, got.next, got.at)
		}
	}
}

// The sentence says which fields to look at.
func TestAMissedAnswerNamesThePointers(t *testing.T) {
	_, err := exchange(t, &Provider{}, clienttest.JSON(200, `{"data":{"access_token":"a1","refresh_token":"next-token"}}`))
	if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Reason, "access_token_pointer") || !strings.Contains(e.Reason, "refresh_token_pointer") {
		t.Errorf("%v", err)
	}
}
