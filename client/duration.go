package client

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// day is the unit in which providers state refresh-token lifetimes; time.ParseDuration has none.
const day = 24 * time.Hour

// Duration is a time.Duration that reads and shows as "90s", "2h" or "1h30m" in JSON. Reading
// also accepts whole days ("10d") and a bare number of seconds, the two other ways in which
// durations are commonly given to Vault.
type Duration time.Duration

// errDuration is the one sentence for every malformed duration: the value itself may be a
// misplaced secret, so it is not repeated.
var errDuration = errors.New(`a duration must look like "90s", "30m", "2h", "10d" or be a number of seconds`)

// ParseDuration reads "90s", "2h", "10d" or a bare number of seconds ("3600"). It returns an
// error for anything else; negative values parse, since whether they make sense is the caller's
// question (see Provider.Validate).
func ParseDuration(s string) (Duration, error) {
	unit := time.Second
	number := s
	if days, ok := strings.CutSuffix(s, "d"); ok {
		number, unit = days, day
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		if n > math.MaxInt64/int64(unit) || n < math.MinInt64/int64(unit) {
			return 0, errDuration
		}
		return Duration(time.Duration(n) * unit), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errDuration
	}
	return Duration(d), nil
}

// String drops the zero units that time.Duration.String appends: "2h", not "2h0m0s".
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalJSON shows the duration as a string in the form of String.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON accepts what ParseDuration accepts, as a JSON string or number.
func (d *Duration) UnmarshalJSON(data []byte) error {
	text := string(data)
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return errDuration
		}
	}
	parsed, err := ParseDuration(text)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
