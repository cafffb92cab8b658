package main

import (
	"os"
	"strings"
	"testing"
)

const examples = "../../../examples/prometheus/"

// said is what the program prints of a scrape.
func said(t *testing.T, scrape string) string {
	t.Helper()
	var out strings.Builder
	if err := run([]string{examples + "rules.yml", "oauth"}, strings.NewReader(scrape), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The example's mount has a bit of everything, and so have its alerts.
func TestTheAlertsOfTheExample(t *testing.T) {
	scrape, err := os.ReadFile(examples + "testdata/scrape.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := said(t, string(scrape))
	for _, want := range []string{
		"OauthrefreshGrantDead    firing    critical\n\nThe grant agreements of oauth is dead\n",
		"OauthrefreshGrantBlocked    pending, firing in 5m    warning\n\nThe grant damaged of oauth is unreadable\n",
		"OauthrefreshGrantDying    firing    warning\n\nThe grant payments of oauth dies in 5d 0h 0m 0s if nobody acts\n\nThe cause is client_secret_expires_at,",
		"OauthrefreshAnswersHeld    pending, firing in 2m    critical\n\n1 new refresh tokens of oauth",
		"OauthrefreshRevocationsPending    pending, firing in 1h    warning\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("not said: %s\n%s", want, out)
		}
	}
	for _, not := range []string{"sales", "ScrapeFailing", "NotSurveyed", "ReadsFailing"} { // 12 days ahead; all is well; one scrape is no rate
		if strings.Contains(out, not) {
			t.Errorf("%s is said:\n%s", not, out)
		}
	}
}

func TestNoAlert(t *testing.T) {
	if out := said(t, "oauthrefresh_survey_complete 1\n"); out != "no alert fires\n" {
		t.Error(out)
	}
	for _, cause := range []string{"refresh_token_idle_ttl", "refresh_token_expires_at"} { // a failure that the next try may mend
		out := said(t, "oauthrefresh_survey_complete 1\noauthrefresh_grant_dies_in_seconds{cause=\""+cause+"\",grant=\"crm\",provider=\"crm\"} 43200\n")
		if out != "no alert fires\n" {
			t.Error(out)
		}
	}
	if out := said(t, "oauthrefresh_survey_complete 0\n"); !strings.HasPrefix(out, "OauthrefreshNotSurveyed    pending, firing in 30m") {
		t.Error(out)
	}
}

func TestWhatIsNoScrape(t *testing.T) {
	for want, args := range map[string][]string{
		"give a file of rules": {}, "no scrape": {examples + "rules.yml", "oauth"},
	} {
		if err := run(args, strings.NewReader("{\"errors\":[]}\n"), new(strings.Builder)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := run([]string{"none.yml", "oauth"}, strings.NewReader("a 1\n"), new(strings.Builder)); err == nil {
		t.Error("rules that are not there are evaluated")
	}
}
