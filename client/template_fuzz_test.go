package client

import (
	"net/url"
	"strings"
	"testing"
)

// Whatever a parameter holds, it fills its own place: the scheme, the rest of the host, the number
// of path segments and the absence of everything else stay those of the template.
func FuzzEndpoints(f *testing.F) {
	for _, value := range []string{"eu", "a.b", "x/../y", "evil.example/#", "a@b", "a:1", "%2f", "..", "\u2024\u2024", "a\nb", "{region}"} {
		f.Add(value, "tenant")
		f.Add("eu", value)
	}
	p := &Provider{
		TokenEndpoint: "https://auth.{region}.example.com/{tenant}/token", ParamDefaults: map[string]string{"tenant": "of-{region}"},
	}
	if err := p.Validate(false); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, region, tenant string) {
		endpoints, err := p.Endpoints(map[string]string{"region": region, "tenant": tenant})
		if err != nil {
			if len(region) > 3 && strings.Contains(err.Error(), region) {
				t.Fatalf("the error repeats the value: %v", err)
			}
			return
		}
		u, err := url.Parse(endpoints.Token)
		if err != nil {
			t.Fatal(err)
		}
		if u.Scheme != "https" || u.User != nil || u.Port() != "" || u.RawQuery != "" || u.Fragment != "" || u.RawPath != "" ||
			u.Host != "auth."+region+".example.com" || u.Path != "/"+tenant+"/token" || strings.Count(u.Path, "/") != 2 {
			t.Fatalf("%q and %q lead to %s", region, tenant, endpoints.Token)
		}
	})
}
