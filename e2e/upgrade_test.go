package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// An upgrade goes as docs/install.md says, where the version of the plugin is pinned too: Vault refuses to tune the mount, and
// the pin is what to move.
func TestAnUpgradeUnderAPin(t *testing.T) {
	t.Parallel()
	v := idle.take(t)
	sh := shell{t: t, v: v}
	old, current := buildVersion(t, "v0.1.99"), filepath.Join(bin.plugins, pluginName)
	now := regexp.MustCompile(`"(v[0-9.]+)"`).FindStringSubmatch(versionLine(t))[1]
	sh.env = append(sh.env, "NEW="+now, "OLD_SHA256="+digest(t, old), "SHA256="+digest(t, current))
	const running = `vault secrets list -detailed -format=json`
	wantRunning := func(want string) {
		t.Helper()
		var mounts map[string]struct {
			Running string `json:"running_plugin_version"`
		}
		decode(t, sh.run(running), &mounts)
		if got := mounts["upgraded/"].Running; got != want {
			t.Errorf("%s runs, want %s", got, want)
		}
	}
	sh.run(`vault plugin register -version=v0.1.99 -sha256="$OLD_SHA256" -command=` + filepath.Base(old) + ` secret ` + pluginName)
	sh.run(`vault secrets enable -path=upgraded -plugin-version=v0.1.99 ` + pluginName)
	t.Cleanup(func() {
		sh.run(`vault secrets disable upgraded && vault delete sys/plugins/pins/secret/` + pluginName)
		sh.run(`vault plugin deregister -version=v0.1.99 secret ` + pluginName + ` && vault plugin deregister -version="$NEW" secret ` + pluginName)
	})
	sh.run(`vault write sys/plugins/pins/secret/` + pluginName + ` version=v0.1.99`)
	sh.run(`vault write upgraded/config request_timeout=20s`)
	wantRunning("v0.1.99")

	sh.run(`vault plugin register -version="$NEW" -sha256="$SHA256" secret ` + pluginName)
	if text := sh.refused(400, `vault secrets tune -plugin-version="$NEW" upgraded`); !strings.Contains(text, "pinned version") {
		t.Error(text)
	}
	sh.run(`vault plugin reload -plugin=` + pluginName)
	wantRunning("v0.1.99")
	sh.run(`vault write sys/plugins/pins/secret/` + pluginName + ` version="$NEW"`)
	sh.run(`vault plugin reload -plugin=` + pluginName)
	wantRunning(now)
	if got := sh.read("upgraded/config").get("request_timeout"); got != "20" {
		t.Errorf("request_timeout is %s", got)
	}
}

func versionLine(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("../backend.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^const Version = .*$`).FindString(string(source))
	if line == "" {
		t.Fatal("backend.go has the version elsewhere now")
	}
	return line
}

// buildVersion builds the plugin as if it were of another version.
func buildVersion(t *testing.T, version string) (path string) {
	t.Helper()
	source, err := filepath.Abs("../backend.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(t.TempDir(), "backend.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), versionLine(t), `const Version = "`+version+`"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
	if err != nil {
		t.Fatal(err)
	}
	overlaid := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlaid, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(bin.plugins, pluginName+"-"+version)
	cmd := exec.Command("go", "build", "-trimpath", "-overlay", overlaid, "-o", path, "./cmd/"+pluginName)
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	return path
}
