package browser

import (
	"bytes"
	"html/template"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// terminal shows two texts as they stand, one below the other.
var terminal = template.Must(template.New("").Parse(`<!doctype html><meta charset="utf-8"><style>
	body { margin: 0; padding: 16px; background: #1b1f24; color: #e6e6e6 }
	pre { margin: 0; font: 13px/1.35 "Liberation Mono", monospace; white-space: pre-wrap; word-break: break-all }
	pre + pre { margin-top: 16px; padding: 12px 14px; border-left: 5px solid #f0554a; background: #2a2225 }
</style><pre>{{ .Status }}</pre><pre>{{ .Alert }}</pre>`))

// What an operator sees of a grant that is about to die stands in docs/operate.md as a picture, made of the two texts beside
// it, which are what make demo prints.
func TestThereIsAPictureOfStatusAndAlert(t *testing.T) {
	const images = "../docs/images"
	texts := map[string]string{}
	for _, name := range []string{"status", "alert"} {
		text, err := os.ReadFile(filepath.Join(images, name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = strings.TrimSpace(string(text))
	}
	if *screenshots != "" {
		var html bytes.Buffer
		if err := terminal.Execute(&html, map[string]string{"Status": texts["status"], "Alert": texts["alert"]}); err != nil {
			t.Fatal(err)
		}
		tb := newTab(t, true)
		tb.open("data:text/html," + url.PathEscape(html.String()))
		tb.resize(pictureWidth, 1)
		if faults := tb.layout(); len(faults) > 0 {
			t.Fatal(faults)
		}
		tb.save(filepath.Join(*screenshots, "status.png"))
	}
	text, err := os.ReadFile(filepath.Join(images, "status.png"))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(text))
	if err != nil || picture.Bounds().Dx() != pictureWidth || len(text) > 80<<10 {
		t.Errorf("status.png: %v, %d bytes", err, len(text))
	}
}
