package browser

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// layout returns what does not fit into the window: what could be read by scrolling sideways only.
func (tb *tab) layout() (faults []string) {
	tb.t.Helper()
	got := see[struct {
		Wide, Window float64
		Outside      []string
	}](tb, `({wide: document.scrollingElement.scrollWidth, window: innerWidth,
		outside: [...document.body.querySelectorAll("*")].filter(e => {
			const r = e.getBoundingClientRect();
			return r.left < 0 || r.right > innerWidth + 0.5 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0;
		}).map(e => e.tagName + ": " + e.textContent.trim().slice(0, 40))})`)
	if got.Wide > got.Window {
		faults = append(faults, fmt.Sprintf("the document is %.0f px wide in a window of %.0f", got.Wide, got.Window))
	}
	for _, what := range got.Outside {
		faults = append(faults, "wider than its place: "+what)
	}
	return faults
}

// pressable returns what could be clicked, typed into or reached with the keyboard.
func (tb *tab) pressable() []string {
	tb.t.Helper()
	return see[[]string](tb, `[...document.querySelectorAll("*")].filter(e => e.tabIndex >= 0 ||
		e.matches("a,area,button,input,select,textarea,form,label,summary,details,iframe,object,embed,audio,video,[contenteditable],[draggable]") ||
		[...e.attributes].some(a => a.name.startsWith("on"))).map(e => e.tagName)`)
}

// elements returns the names of all elements in their order.
func (tb *tab) elements() string {
	tb.t.Helper()
	return see[string](tb, `[...document.querySelectorAll("*")].map(e => e.tagName.toLowerCase()).join(" ")`)
}

// colour is one as Chromium computes it, red, green and blue from 0 to 255.
type colour [3]float64

// contrast returns the texts that can't be told well from what is behind them: less than 4.5 to 1, of WCAG 2.2's
// success criterion 1.4.3.
func (tb *tab) contrast() (faults []string) {
	tb.t.Helper()
	behind := tb.background()
	for _, text := range tb.texts() {
		shown := text.over(behind)
		if ratio := contrastOf(shown, behind); ratio < 4.5 {
			faults = append(faults, fmt.Sprintf("contrast %.1f of %v on %v: %s", ratio, shown, behind, text.Text))
		}
	}
	return faults
}

// text is one that a document shows, with its colour as the styles say it.
type text struct {
	Text    string
	Colour  []float64 // red, green, blue, and alpha where it is not 1
	Opacity float64   // of all the elements around it
}

func (tb *tab) texts() []text {
	tb.t.Helper()
	return see[[]text](tb, `[...document.body.querySelectorAll("*")].filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())).map(e => {
		let opacity = 1;
		for (let at = e; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
		return {text: e.textContent.trim().slice(0, 40), colour: getComputedStyle(e).color.match(/[\d.]+/g).map(Number), opacity};
	})`)
}

// over is what comes of the text's colour in front of another.
func (x text) over(behind colour) (shown colour) {
	alpha := x.Opacity
	if len(x.Colour) == 4 {
		alpha *= x.Colour[3]
	}
	for i := range shown {
		shown[i] = alpha*x.Colour[i] + (1-alpha)*behind[i]
	}
	return shown
}

// background is the colour of a corner of the window: no style says it, the browser does.
func (tb *tab) background() colour {
	tb.t.Helper()
	r, g, b, _ := tb.picture().At(1, 1).RGBA()
	return colour{float64(r >> 8), float64(g >> 8), float64(b >> 8)}
}

func (tb *tab) picture() image.Image {
	tb.t.Helper()
	shot, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tb.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		tb.t.Fatal(err)
	}
	return picture
}

// contrastOf is WCAG 2.2's contrast ratio.
func contrastOf(a, b colour) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c colour) (sum float64) {
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		part := c[i] / 255
		if part <= 0.04045 {
			part /= 12.92
		} else {
			part = math.Pow((part+0.055)/1.055, 2.4)
		}
		sum += weight * part
	}
	return sum
}

// heard is a node of what a screen reader is given.
type heard struct{ role, name string }

// outline is the accessibility tree, in the order in which it is read.
func (tb *tab) outline() (out []heard) {
	tb.t.Helper()
	send(tb, accessibility.Enable, cdp.Empty{})
	for _, node := range send(tb, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if !node.Ignored {
			out = append(out, heard{plain(node.Role), plain(node.Name)})
		}
	}
	return out
}

// plain is a value of the accessibility tree that is a text.
func plain(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `"`)
}
