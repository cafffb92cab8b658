package browse

import (
	"strings"

	"golang.org/x/net/html"
)

// blocks begin a line of their own.
var blocks = map[string]bool{
	"address": true, "article": true, "blockquote": true, "br": true, "dd": true, "div": true, "dl": true, "dt": true,
	"footer": true, "form": true, "h1": true, "h2": true, "h3": true, "h4": true, "header": true, "hr": true, "li": true,
	"main": true, "ol": true, "p": true, "pre": true, "section": true, "table": true, "tr": true, "ul": true,
}

// text is what a page says: its title is said in it or is none of a reader's business.
func text(page string) string {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return page
	}
	var out strings.Builder
	read(&out, root)
	var lines []string
	for line := range strings.SplitSeq(out.String(), "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func read(out *strings.Builder, n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		out.WriteString(strings.Join(strings.Split(n.Data, "\n"), " "))
		return
	case n.Type == html.ElementNode && (n.Data == "head" || n.Data == "script" || n.Data == "style"):
		return
	}
	block := n.Type == html.ElementNode && blocks[n.Data]
	if block {
		out.WriteByte('\n')
	}
	for child := range n.ChildNodes() {
		read(out, child)
	}
	if block {
		out.WriteByte('\n')
	}
}
