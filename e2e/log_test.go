package e2e

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// logTail reads what a server logs from now on.
type logTail struct {
	t    *testing.T
	v    *vault
	from int64
}

func (v *vault) follow(t *testing.T) logTail {
	t.Helper()
	info, err := os.Stat(v.log)
	if err != nil {
		t.Fatal(err)
	}
	return logTail{t, v, info.Size()}
}

// await waits until the server has logged a text.
func (l logTail) await(text string) {
	l.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(l.read(), text); {
		if time.Now().After(deadline) {
			l.t.Fatalf("the log does not say %q:\n%s", text, l.read())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (l logTail) read() string {
	l.t.Helper()
	f, err := os.Open(l.v.log)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, l.from, 1<<30))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}
