package client

import (
	"encoding/json"
	"testing"
	"time"
)

func TestDurationReadsAndShows(t *testing.T) {
	for in, want := range map[string]string{
		`"90s"`: "1m30s", `"1799s"`: "29m59s", `"2h"`: "2h", `"10d"`: "240h", `"30m"`: "30m", `"1h30m"`: "1h30m",
		`3600`: "1h", `"3600"`: "1h", `0`: "0s", `"0"`: "0s", `"-5s"`: "-5s", `"1h0m5s"`: "1h0m5s", `"500ms"`: "500ms",
	} {
		var d Duration
		if err := json.Unmarshal([]byte(in), &d); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		out, err := json.Marshal(d)
		if err != nil || string(out) != `"`+want+`"` {
			t.Errorf("%s shows as %s, want %q (%v)", in, out, want, err)
		}
		var again Duration
		if err := json.Unmarshal(out, &again); err != nil || again != d {
			t.Errorf("%s does not survive a round trip", in)
		}
	}
}

func TestDurationRefusesNonsenseWithoutRepeatingIt(t *testing.T) {
	for _, in := range []string{`"hunter2"`, `"d"`, `""`, `"1w"`, `1.5`, `"1.5d"`, `true`, `{}`, `"99999999999999d"`, `"9223372036854775807"`} {
		var d Duration
		if err := json.Unmarshal([]byte(in), &d); err == nil || err.Error() != errDuration.Error() {
			t.Errorf("%s: got %v, want the one fixed sentence", in, err)
		}
	}
	if d, err := ParseDuration("3d"); err != nil || time.Duration(d) != 72*time.Hour {
		t.Errorf("3d is %v (%v)", d, err)
	}
}
