package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
)

// Pictures of the pages stand in the documents. They are rewritten by hand, since every machine has other fonts:
//
//	go test -run TestThereIsAPictureOfEveryPage -args -screenshots ../docs/images
func TestThereIsAPictureOfEveryPage(t *testing.T) {
	pictures := map[string]scene{}
	for _, s := range scenes(pingone()) {
		switch s.name {
		case "shown", "dropped": // look as unknown does
		default:
			pictures["consent-"+s.name+".png"] = s
		}
	}
	pictures["consent-granted-dark.png"] = scenes(pingone())[0]
	if *screenshots != "" {
		l := newLab(t, false).as("ops-anna")
		for name, s := range pictures {
			l.paint(t, s, filepath.Join(*screenshots, name), name == "consent-granted-dark.png")
		}
	}
	for name := range pictures {
		text, err := os.ReadFile(filepath.Join("../docs/images", name))
		if err != nil {
			t.Error(err)
			continue
		}
		picture, err := png.Decode(bytes.NewReader(text))
		if err != nil || picture.Bounds().Dx() != pictureWidth || len(text) > 60<<10 {
			t.Errorf("%s: %v, %d bytes", name, err, len(text))
		}
	}
}

const pictureWidth = 640

// paint takes a picture, with what differs each time replaced by what is always the same.
func (l *lab) paint(t *testing.T, s scene, path string, dark bool) {
	t.Helper()
	tb := newTab(t, true)
	s.enter(l, tb)
	tb.resize(pictureWidth, 1)
	if dark {
		tb.prefer("dark")
	}
	see[bool](tb, `(() => {
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) walk.currentNode.data = walk.currentNode.data
			.replace(/[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}/g, "BTKX-QWNM")
			.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, "2026-11-26 10:02:00 UTC")
			.replace(/oauth-\d+/g, "oauth");
		return true;
	})()`)
	tb.save(path)
}

// save writes a picture of the whole document.
func (tb *tab) save(path string) {
	tb.t.Helper()
	size := see[float64](tb, `Math.ceil(document.documentElement.getBoundingClientRect().height)`)
	shot := send(tb, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: new(true),
		Clip: &page.Viewport{Width: pictureWidth, Height: size, Scale: 1},
	})
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		tb.t.Fatal(err)
	}
	if err := os.WriteFile(path, small(picture), 0o644); err != nil {
		tb.t.Fatal(err)
	}
}

// small encodes a picture in little space: text in one colour has few shades, which a palette holds without loss.
func small(picture image.Image) []byte {
	bounds := picture.Bounds()
	var shades color.Palette
	seen := map[color.Color]bool{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if at := picture.At(x, y); !seen[at] {
				seen[at] = true
				shades = append(shades, at)
			}
		}
	}
	if len(shades) <= 256 {
		paletted := image.NewPaletted(bounds, shades)
		draw.Draw(paletted, bounds, picture, bounds.Min, draw.Src)
		picture = paletted
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, picture); err != nil {
		panic(err) // a buffer takes all
	}
	return out.Bytes()
}
